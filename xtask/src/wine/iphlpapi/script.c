/* Parses scripts, answers calls as they say, and records the calls. */
#include "script.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

LONG NTAPI RtlIpv6StringToAddressExA(PCSTR text, IN6_ADDR *address, PULONG scope, PUSHORT port);
LONG NTAPI RtlIpv4StringToAddressExA(PCSTR text, BOOLEAN strict, IN_ADDR *address, PUSHORT port);

struct machine machine;

/* Answers to the next calls of one function, or of any (`*`). */
struct answer {
    DWORD code;
    enum { KEPT, SET, GIVEN_PLUS } how; /* what to do with the size */
    DWORD size;
};

struct answers {
    char function[40];
    struct answer *all;
    int count, next;
};

/* A call, and the size before and after it. */
struct call {
    const char *function; /* a literal */
    DWORD given, reported;
};

/* The number of calls that are recorded. A script of a test has fewer. */
enum { MAX_CALLS = 4096 };

static struct answers *answers;
static int answers_count;
static struct call calls[MAX_CALLS];
static int call_count;
static const DWORD *current_size; /* of the call between `enter` and `leave` */
static DWORD given_size;
static CRITICAL_SECTION lock;
static INIT_ONCE once = INIT_ONCE_STATIC_INIT;

static void *grown(void *old, size_t count, size_t size)
{
    void *new = realloc(old, count * size);
    if (!new) {
        fprintf(stderr, "script: out of memory\n");
        ExitProcess(70);
    }
    return new;
}

/* Parses a number, decimal or with 0x, that is the whole text. */
static int number(const char *text, ULONGLONG *value)
{
    char *end;
    *value = _strtoui64(text, &end, 0);
    return end != text && *end == 0;
}

static int parse_pid(const char *text, DWORD *pid)
{
    ULONGLONG value = GetCurrentProcessId();
    int good = !strcmp(text, "self") || number(text, &value);
    *pid = (DWORD)value;
    return good;
}

static LONGLONG now(void)
{
    FILETIME time;
    GetSystemTimeAsFileTime(&time);
    return (LONGLONG)time.dwHighDateTime << 32 | time.dwLowDateTime;
}

/* Parses [address%scope]:port, 127.0.0.1:port, or - for none. ntdll refuses port 0, so the port is parsed here. */
static int parse_end(const char *text, struct end *end, int four)
{
    char address[64];
    ULONGLONG port;
    USHORT none = 0;
    const char *colon = strrchr(text, ':');
    memset(end, 0, sizeof *end);
    if (!strcmp(text, "-"))
        return 1;
    if (!colon || (size_t)(colon - text) >= sizeof address || !number(colon + 1, &port) || port > 0xFFFF)
        return 0;
    memcpy(address, text, colon - text);
    address[colon - text] = 0;
    end->port = htons((USHORT)port);
    if (four)
        return RtlIpv4StringToAddressExA(address, TRUE, &end->address.four, &none) == 0;
    return text[0] == '[' && RtlIpv6StringToAddressExA(address, &end->address.six, &end->scope, &none) == 0;
}

void add_rows(struct rows *rows, struct row row, int times)
{
    rows->all = grown(rows->all, rows->count + times, sizeof row);
    for (int i = 0; i < times; i++) {
        rows->all[rows->count++] = row;
        row.remote.port = htons((USHORT)(ntohs(row.remote.port) + 1));
    }
}

static int parse_option(struct row *row, int *times, const char *name, const char *text)
{
    ULONGLONG value = 0;
    if (!strcmp(name, "pid"))
        return parse_pid(text, &row->pid);
    if (!strcmp(name, "created") && !strcmp(text, "now")) {
        row->created = now();
        return 1;
    }
    if (!number(text, &value))
        return 0;
    if (!strcmp(name, "created"))
        row->created = (LONGLONG)value;
    else if (!strcmp(name, "info"))
        row->info = value;
    else if (!strcmp(name, "offload"))
        row->offload = (int)value;
    else if (!strcmp(name, "times") && value <= 1000000)
        *times = (int)value;
    else if (!strcmp(name, "gone"))
        row->gone = value != 0;
    else if (!strcmp(name, "collected"))
        for (int kind = 0; kind < KINDS; kind++)
            row->collected[kind] = value >> kind & 1;
    else
        return 0;
    return 1;
}

static int parse_row(char *words[], int count, int four)
{
    struct row row = {0};
    ULONGLONG state;
    int times = 1;
    if (count < 4 || !number(words[1], &state) || !parse_end(words[2], &row.local, four)
        || !parse_end(words[3], &row.remote, four))
        return 0;
    row.state = (DWORD)state;
    for (int i = 4; i < count; i++) {
        char *value = strchr(words[i], '=');
        if (!value)
            return 0;
        *value++ = 0;
        if (!parse_option(&row, &times, words[i], value))
            return 0;
    }
    add_rows(four ? &machine.four : &machine.six, row, times);
    return 1;
}

/* Parses a text of a module: UTF-8 with %20 for a space, - for none. */
static int parse_text(char *text, WCHAR *to, int room)
{
    to[0] = 0;
    if (!strcmp(text, "-"))
        return 1;
    char *out = text;
    for (char *in = text; *in; in++) {
        if (!strncmp(in, "%20", 3)) {
            *out++ = ' ';
            in += 2;
        } else
            *out++ = *in;
    }
    *out = 0;
    return MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, text, -1, to, room) > 0;
}

static int parse_module(char *words[], int count)
{
    struct module module = {0};
    ULONGLONG code;
    if (count != 5 || !parse_pid(words[1], &module.pid) || !number(words[2], &module.info))
        return 0;
    if (!strcmp(words[3], "code")) {
        if (!number(words[4], &code))
            return 0;
        module.code = (DWORD)code;
    } else if (!parse_text(words[3], module.name, ARRAYSIZE(module.name))
               || !parse_text(words[4], module.path, ARRAYSIZE(module.path)))
        return 0;
    machine.modules = grown(machine.modules, machine.module_count + 1, sizeof module);
    machine.modules[machine.module_count++] = module;
    return 1;
}

/* Parses CODE, CODE:SIZE or CODE:+MORE. */
static int parse_answer(char *word, struct answer *answer)
{
    ULONGLONG value;
    char *size = strchr(word, ':');
    memset(answer, 0, sizeof *answer);
    if (size) {
        *size++ = 0;
        answer->how = *size == '+' ? GIVEN_PLUS : SET;
        if (!number(size + (*size == '+'), &value))
            return 0;
        answer->size = (DWORD)value;
    }
    int good = number(word, &value);
    answer->code = (DWORD)value;
    return good;
}

static int parse_answers(char *words[], int count)
{
    struct answers new = {0};
    if (count < 3 || strlen(words[1]) >= sizeof new.function)
        return 0;
    strcpy(new.function, words[1]);
    new.count = count - 2;
    new.all = grown(NULL, new.count, sizeof *new.all);
    for (int i = 0; i < new.count; i++) {
        if (!parse_answer(words[i + 2], &new.all[i])) {
            free(new.all);
            return 0;
        }
    }
    answers = grown(answers, answers_count + 1, sizeof new);
    answers[answers_count++] = new;
    return 1;
}

static int parse_line(char *line)
{
    char *words[64];
    int count = 0;
    for (char *word = strtok(line, " \t\r"); word; word = strtok(NULL, " \t\r")) {
        if (count == ARRAYSIZE(words))
            return 0;
        words[count++] = word;
    }
    if (count == 0 || words[0][0] == '#')
        return 1;
    ULONGLONG value = 0;
    if (!strcmp(words[0], "row"))
        return parse_row(words, count, 0);
    if (!strcmp(words[0], "row4"))
        return parse_row(words, count, 1);
    if (!strcmp(words[0], "module"))
        return parse_module(words, count);
    if (!strcmp(words[0], "code"))
        return parse_answers(words, count);
    if (!strcmp(words[0], "segments") && count == 3)
        return number(words[1], &machine.segments_in) && number(words[2], &machine.segments_out);
    if (!strcmp(words[0], "step") && count == 2 && number(words[1], &value)) {
        machine.estats_step = (int)value;
        return 1;
    }
    if (!strcmp(words[0], "slack") && count == 2 && number(words[1], &value)) {
        machine.slack = 1;
        machine.slack_bytes = (DWORD)value;
    } else if (!strcmp(words[0], "garbage") && count == 2 && number(words[1], &value)) {
        machine.garbage = 1;
        machine.random = (DWORD)value | 1;
    } else if (!strcmp(words[0], "grow") && count == 2 && number(words[1], &value) && value <= 1000000)
        machine.grow = (int)value;
    else if (!strcmp(words[0], "administrator") && count == 1)
        machine.administrator = 1;
    else
        return 0;
    return 1;
}

static void forget(void)
{
    free(machine.six.all);
    free(machine.four.all);
    free(machine.modules);
    memset(&machine, 0, sizeof machine);
    for (int i = 0; i < answers_count; i++)
        free(answers[i].all);
    free(answers);
    answers = NULL;
    answers_count = 0;
    call_count = 0;
}

/* Parses a script. Returns 0, or the number of the first invalid line. */
static int read_script(const char *text)
{
    forget();
    for (int line = 1; *text; line++) {
        size_t length = strcspn(text, "\n");
        char *copy = grown(NULL, length + 1, 1);
        memcpy(copy, text, length);
        copy[length] = 0;
        int good = parse_line(copy);
        free(copy);
        if (!good)
            return line;
        text += length + (text[length] == '\n');
    }
    return 0;
}

static void read_file(const char *name)
{
    FILE *file = fopen(name, "rb");
    char *text = NULL;
    size_t length = 0, more;
    if (!file) {
        fprintf(stderr, "script: cannot read %s\n", name);
        ExitProcess(70);
    }
    do {
        text = grown(text, length + 4097, 1);
        more = fread(text + length, 1, 4096, file);
        length += more;
    } while (more > 0);
    fclose(file);
    text[length] = 0;
    int line = read_script(text);
    if (line) {
        fprintf(stderr, "script: %s, line %d\n", name, line);
        ExitProcess(70);
    }
    free(text);
}

static BOOL CALLBACK begin(INIT_ONCE *o, void *parameter, void **context)
{
    (void)o, (void)parameter, (void)context;
    InitializeCriticalSection(&lock);
    char name[1024];
    DWORD length = GetEnvironmentVariableA("TCP6_SCRIPT", name, sizeof name);
    if (length > 0 && length < sizeof name)
        read_file(name);
    return TRUE;
}

static void acquire(void)
{
    InitOnceExecuteOnce(&once, begin, NULL, NULL);
    EnterCriticalSection(&lock);
}

void enter(const DWORD *size)
{
    acquire();
    current_size = size;
    given_size = size ? *size : 0;
}

DWORD leave(const char *function, DWORD code)
{
    if (call_count < MAX_CALLS)
        calls[call_count++] = (struct call){function, given_size, current_size ? *current_size : 0};
    LeaveCriticalSection(&lock);
    return code;
}

int answered(const char *function, DWORD *size, DWORD *code)
{
    for (int i = 0; i < answers_count; i++) {
        struct answers *it = &answers[i];
        if ((strcmp(it->function, function) && strcmp(it->function, "*")) || it->next == it->count)
            continue;
        struct answer answer = it->all[it->next++];
        if (answer.code == NO_ERROR && answer.how == KEPT)
            return 0;
        if (size && answer.how != KEPT)
            *size = answer.how == SET ? answer.size : *size + answer.size;
        *code = answer.code;
        return 1;
    }
    return 0;
}

DWORD garbage(void)
{
    machine.random ^= machine.random << 13;
    machine.random ^= machine.random >> 17;
    machine.random ^= machine.random << 5;
    return machine.random;
}

void fill_with_garbage(void *to, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        ((BYTE *)to)[i] = (BYTE)garbage();
}

static int compare_ends(const struct end *a, const struct end *b, int address_bytes)
{
    int order = memcmp(&a->address, &b->address, address_bytes);
    if (order == 0 && a->scope != b->scope)
        order = a->scope < b->scope ? -1 : 1;
    return order ? order : (int)ntohs(a->port) - (int)ntohs(b->port);
}

int compare_rows(const struct row *a, const struct row *b, int address_bytes)
{
    int order = compare_ends(&a->local, &b->local, address_bytes);
    return order ? order : compare_ends(&a->remote, &b->remote, address_bytes);
}

/* Replaces the script and forgets the calls. Returns 0, or the number of the first invalid line. */
int WINAPI tcp6_script(const char *text)
{
    acquire();
    int line = read_script(text);
    LeaveCriticalSection(&lock);
    return line;
}

/* Returns the number of calls of this function since the script was set. Writes the given and the reported size of the
 * first `room` calls, as pairs. */
int WINAPI tcp6_calls(const char *function, DWORD *sizes, int room)
{
    int count = 0;
    acquire();
    for (int i = 0; i < call_count; i++) {
        if (strcmp(calls[i].function, function))
            continue;
        if (count < room) {
            sizes[2 * count] = calls[i].given;
            sizes[2 * count + 1] = calls[i].reported;
        }
        count++;
    }
    LeaveCriticalSection(&lock);
    return count;
}
