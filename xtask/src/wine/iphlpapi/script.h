/* The state of the scripted iphlpapi.dll. README.md documents the scripts. */
#ifndef TCP6_SCRIPT_H
#define TCP6_SCRIPT_H

#define _WIN32_WINNT 0x0A00
#include <winsock2.h>
#include <ws2ipdef.h>
#include <windows.h>
/* The header declares this function without its calling convention, so it is hidden here and defined in owners.c. */
#define GetOwnerModuleFromPidAndInfo hidden_GetOwnerModuleFromPidAndInfo
#include <iphlpapi.h>
#undef GetOwnerModuleFromPidAndInfo
#include <tcpestats.h>

/* The number of values of TCP_ESTATS_TYPE. */
enum { KINDS = 9 };

struct end {
    union {
        IN6_ADDR six;
        IN_ADDR four;
    } address;
    ULONG scope;
    USHORT port; /* network byte order */
};

struct row {
    DWORD state, pid;
    int offload;
    LONGLONG created;
    ULONGLONG info;
    struct end local, remote;
    BYTE collected[KINDS]; /* bit 0: on, or on for outbound; bit 1: on for inbound */
    int gone;              /* statistics functions return 1168 */
};

struct rows {
    struct row *all;
    int count;
};

struct module {
    DWORD pid;
    ULONGLONG info;
    DWORD code; /* the code of a refusal, or 0 */
    WCHAR name[512], path[4096];
};

/* The content of the current script. `enter` and `leave` guard it. */
struct machine {
    struct rows six, four;
    struct module *modules;
    int module_count;
    DWORD slack_bytes; /* added to the required and the written size */
    int slack;         /* a size that is reported with 122 includes one row more for each eight */
    int garbage;
    DWORD random;      /* the state of the generator of garbage */
    int grow;          /* rows to add after each 122 that is not scripted */
    int administrator;
    DWORD64 segments_in, segments_out;
    int estats_step;     /* added to each byte of the statistics of connections */
};

extern struct machine machine;

/* Begins a call. `size` is its pointer to a size, or null. */
void enter(const DWORD *size);

/* Ends the call, records it and returns its code. */
DWORD leave(const char *function, DWORD code);

/* Returns whether the script has an answer for this call, and writes it to `code` and, if not null, `size`. */
int answered(const char *function, DWORD *size, DWORD *code);

DWORD garbage(void);
void fill_with_garbage(void *to, size_t bytes);

/* Appends `times` copies of `row`, with ascending remote ports. */
void add_rows(struct rows *rows, struct row row, int times);

int compare_rows(const struct row *a, const struct row *b, int address_bytes);

#endif
