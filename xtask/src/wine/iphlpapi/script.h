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

/* One more than the last TCP_ESTATS_TYPE. */
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
    BYTE collected[KINDS]; /* bit 0: on, or on outbound; bit 1: on inbound */
    int gone;              /* closed after it was listed: statistics functions return 1168 */
};

struct rows {
    struct row *all;
    int count;
};

struct module {
    DWORD pid;
    ULONGLONG info;
    DWORD code; /* a refusal, or 0 */
    WCHAR name[512], path[4096];
};

/* The content of the current script. `enter` and `leave` guard it. */
struct machine {
    struct rows six, four;
    struct module *modules;
    int module_count;
    DWORD slack_bytes;   /* added to the size that is needed and written */
    int slack;           /* one row more for each eight when a size is reported with 122 */
    int garbage;
    DWORD random;        /* the state of the garbage */
    int grow;            /* rows that are added after each 122 of a right answer */
    int administrator;
    DWORD64 segments_in, segments_out;
    int estats_step;     /* added to each byte of the statistics of connections */
};

extern struct machine machine;

void enter(void);

/* Ends the call: counts it and returns its code. */
DWORD leave(const char *function, DWORD code);

/* Whether the script has an answer for this call. If so, it is in `code`, and `size` (if not null) is set. */
int answered(const char *function, DWORD *size, DWORD *code);

DWORD garbage(void);
void fill_with_garbage(void *to, size_t bytes);

/* A copy of `row`, `times` times, with ascending remote ports. */
void add_rows(struct rows *rows, struct row row, int times);

int compare_rows(const struct row *a, const struct row *b, int address_bytes);

#endif
