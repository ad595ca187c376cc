/* The part of msvcrt.lib that Rust programs for x86_64-pc-windows-msvc link statically: start-up, TLS, stack probes. */
#include <windows.h>

/* Marks a program that uses floating point. */
int _fltused = 0x9875;

/* The TLS directory. The linker sorts sections by the text after `$`, so those of Rust's objects lie between the first
 * and the last one here. */
ULONG _tls_index;
__attribute__((section(".tls"))) char _tls_start = 0;
__attribute__((section(".tls$ZZZ"))) char _tls_end = 0;
__attribute__((section(".CRT$XLA"))) PIMAGE_TLS_CALLBACK callbacks_start = 0;
__attribute__((section(".CRT$XLZ"))) PIMAGE_TLS_CALLBACK callbacks_end = 0;
const IMAGE_TLS_DIRECTORY64 _tls_used = {
    (ULONGLONG)&_tls_start, (ULONGLONG)&_tls_end, (ULONGLONG)&_tls_index, (ULONGLONG)(&callbacks_start + 1), 0, 0,
};

/* Functions to call before `main`. */
typedef void (*initializer)(void);
__attribute__((section(".CRT$XCA"))) initializer initializers_start = 0;
__attribute__((section(".CRT$XCZ"))) initializer initializers_end = 0;

extern int main(int count, char **arguments);

/* Calls `main` with a placeholder, because Rust reads its arguments with GetCommandLineW. */
void mainCRTStartup(void)
{
    static char name[] = "program";
    static char *arguments[] = {name, 0};
    for (initializer *it = &initializers_start + 1; it < &initializers_end; it++)
        if (*it)
            (*it)();
    ExitProcess(main(1, arguments));
}

/* The vftable of the C++ class type_info. Unwinding uses its address only. */
__asm__(".data\n"
        ".globl \"??_7type_info@@6B@\"\n"
        "\"??_7type_info@@6B@\": .quad 0, 0\n"
        ".text\n");

/* Touches each page of a stack frame of rax bytes, from the top down. Preserves all registers. */
__asm__(".globl __chkstk\n"
        "__chkstk:\n"
        "    push %rcx\n"
        "    push %rax\n"
        "    lea 24(%rsp), %rcx\n"
        "1:  cmp $0x1000, %rax\n"
        "    jb 2f\n"
        "    sub $0x1000, %rcx\n"
        "    test %rcx, (%rcx)\n"
        "    sub $0x1000, %rax\n"
        "    jmp 1b\n"
        "2:  sub %rax, %rcx\n"
        "    test %rcx, (%rcx)\n"
        "    pop %rax\n"
        "    pop %rcx\n"
        "    ret\n");
