/* The functions that return tables. */
#include "script.h"

#include <stdlib.h>
#include <string.h>

enum kind { BASIC6, TWO6, PID6, MODULE6, BASIC4, TWO4, PID4, MODULE4 };
enum which { ALL, LISTENERS, CONNECTIONS };

static const struct {
    DWORD first, row;
    int four;
} shapes[] = {
    [BASIC6] = {FIELD_OFFSET(MIB_TCP6TABLE, table), sizeof(MIB_TCP6ROW), 0},
    [TWO6] = {FIELD_OFFSET(MIB_TCP6TABLE2, table), sizeof(MIB_TCP6ROW2), 0},
    [PID6] = {FIELD_OFFSET(MIB_TCP6TABLE_OWNER_PID, table), sizeof(MIB_TCP6ROW_OWNER_PID), 0},
    [MODULE6] = {FIELD_OFFSET(MIB_TCP6TABLE_OWNER_MODULE, table), sizeof(MIB_TCP6ROW_OWNER_MODULE), 0},
    [BASIC4] = {FIELD_OFFSET(MIB_TCPTABLE, table), sizeof(MIB_TCPROW), 1},
    [TWO4] = {FIELD_OFFSET(MIB_TCPTABLE2, table), sizeof(MIB_TCPROW2), 1},
    [PID4] = {FIELD_OFFSET(MIB_TCPTABLE_OWNER_PID, table), sizeof(MIB_TCPROW_OWNER_PID), 1},
    [MODULE4] = {FIELD_OFFSET(MIB_TCPTABLE_OWNER_MODULE, table), sizeof(MIB_TCPROW_OWNER_MODULE), 1},
};

/* Returns a port as a field of a row, whose upper half is undefined. */
static DWORD port(USHORT port)
{
    return machine.garbage ? (garbage() & 0xFFFF0000) | port : port;
}

#define ENDS_OF_SIX(to, local_address, remote_address) \
    memcpy(&(to)->local_address, &row->local.address.six, 16); \
    (to)->dwLocalScopeId = row->local.scope; \
    (to)->dwLocalPort = port(row->local.port); \
    memcpy(&(to)->remote_address, &remote.address.six, 16); \
    (to)->dwRemoteScopeId = remote.scope; \
    (to)->dwRemotePort = port(remote.port)

#define ENDS_OF_FOUR(to) \
    (to)->dwLocalAddr = row->local.address.four.s_addr; \
    (to)->dwLocalPort = port(row->local.port); \
    (to)->dwRemoteAddr = remote.address.four.s_addr; \
    (to)->dwRemotePort = port(remote.port)

#define MODULE_OF(to) \
    (to)->dwOwningPid = row->pid; \
    (to)->liCreateTimestamp.QuadPart = row->created; \
    memset((to)->OwningModuleInfo, 0, sizeof (to)->OwningModuleInfo); \
    (to)->OwningModuleInfo[0] = row->info

static void write_row(enum kind kind, const struct row *row, void *at)
{
    struct end remote = row->remote;
    if (machine.garbage && row->state == MIB_TCP_STATE_LISTEN)
        fill_with_garbage(&remote, sizeof remote);
    switch (kind) {
    case BASIC6: {
        MIB_TCP6ROW *to = at;
        ENDS_OF_SIX(to, LocalAddr, RemoteAddr);
        to->State = (MIB_TCP_STATE)row->state;
        break;
    }
    case TWO6: {
        MIB_TCP6ROW2 *to = at;
        ENDS_OF_SIX(to, LocalAddr, RemoteAddr);
        to->State = (MIB_TCP_STATE)row->state;
        to->dwOwningPid = row->pid;
        to->dwOffloadState = (TCP_CONNECTION_OFFLOAD_STATE)row->offload;
        break;
    }
    case PID6: {
        MIB_TCP6ROW_OWNER_PID *to = at;
        ENDS_OF_SIX(to, ucLocalAddr, ucRemoteAddr);
        to->dwState = row->state;
        to->dwOwningPid = row->pid;
        break;
    }
    case MODULE6: {
        MIB_TCP6ROW_OWNER_MODULE *to = at;
        ENDS_OF_SIX(to, ucLocalAddr, ucRemoteAddr);
        to->dwState = row->state;
        MODULE_OF(to);
        break;
    }
    case BASIC4: {
        MIB_TCPROW *to = at;
        ENDS_OF_FOUR(to);
        to->dwState = row->state;
        break;
    }
    case TWO4: {
        MIB_TCPROW2 *to = at;
        ENDS_OF_FOUR(to);
        to->dwState = row->state;
        to->dwOwningPid = row->pid;
        to->dwOffloadState = (TCP_CONNECTION_OFFLOAD_STATE)row->offload;
        break;
    }
    case PID4: {
        MIB_TCPROW_OWNER_PID *to = at;
        ENDS_OF_FOUR(to);
        to->dwState = row->state;
        to->dwOwningPid = row->pid;
        break;
    }
    case MODULE4: {
        MIB_TCPROW_OWNER_MODULE *to = at;
        ENDS_OF_FOUR(to);
        to->dwState = row->state;
        MODULE_OF(to);
        break;
    }
    }
}

static int compare_six(const void *a, const void *b)
{
    return compare_rows(a, b, 16);
}

static int compare_four(const void *a, const void *b)
{
    return compare_rows(a, b, 4);
}

static int belongs(const struct row *row, enum which which)
{
    return which == ALL || (which == LISTENERS) == (row->state == MIB_TCP_STATE_LISTEN);
}

/* Returns copies of the rows of a table. The caller frees them. */
static struct rows chosen(enum kind kind, enum which which, BOOL sort)
{
    const struct rows *from = shapes[kind].four ? &machine.four : &machine.six;
    struct rows rows = {malloc((from->count + 1) * sizeof *rows.all), 0};
    if (!rows.all)
        ExitProcess(70);
    for (int i = 0; i < from->count; i++)
        if (belongs(&from->all[i], which))
            rows.all[rows.count++] = from->all[i];
    if (sort)
        qsort(rows.all, rows.count, sizeof *rows.all, shapes[kind].four ? compare_four : compare_six);
    return rows;
}

static void grow(int four)
{
    struct rows *rows = four ? &machine.four : &machine.six;
    if (machine.grow && rows->count)
        add_rows(rows, rows->all[rows->count - 1], machine.grow);
}

static DWORD fill(const char *function, enum kind kind, enum which which, void *to, DWORD *size, BOOL sort)
{
    DWORD code;
    if (!size)
        return ERROR_INVALID_PARAMETER;
    enter(size);
    if (answered(function, size, &code))
        return leave(function, code);
    struct rows rows = chosen(kind, which, sort);
    DWORD step = shapes[kind].row, given = *size;
    *size = shapes[kind].first + rows.count * step + machine.slack_bytes;
    if (!to || given < *size) {
        *size += machine.slack ? rows.count / 8 * step : 0;
        free(rows.all);
        grow(shapes[kind].four);
        return leave(function, ERROR_INSUFFICIENT_BUFFER);
    }
    if (machine.garbage)
        fill_with_garbage(to, *size);
    *(DWORD *)to = rows.count;
    for (int i = 0; i < rows.count; i++)
        write_row(kind, &rows.all[i], (BYTE *)to + shapes[kind].first + i * step);
    free(rows.all);
    return leave(function, NO_ERROR);
}

ULONG WINAPI GetTcp6Table(MIB_TCP6TABLE *table, ULONG *size, BOOL order)
{
    return fill("GetTcp6Table", BASIC6, ALL, table, size, order);
}

ULONG WINAPI GetTcp6Table2(MIB_TCP6TABLE2 *table, ULONG *size, BOOL order)
{
    return fill("GetTcp6Table2", TWO6, ALL, table, size, order);
}

ULONG WINAPI GetTcpTable(MIB_TCPTABLE *table, ULONG *size, BOOL order)
{
    return fill("GetTcpTable", BASIC4, ALL, table, size, order);
}

ULONG WINAPI GetTcpTable2(MIB_TCPTABLE2 *table, ULONG *size, BOOL order)
{
    return fill("GetTcpTable2", TWO4, ALL, table, size, order);
}

DWORD WINAPI GetExtendedTcpTable(void *table, DWORD *size, BOOL order, ULONG family, TCP_TABLE_CLASS class,
                                 ULONG reserved)
{
    static const enum which which[] = {LISTENERS, CONNECTIONS, ALL};
    static const enum kind six[] = {BASIC6, PID6, MODULE6}, four[] = {BASIC4, PID4, MODULE4};
    unsigned number = (unsigned)class;
    if ((family != AF_INET && family != AF_INET6) || number > TCP_TABLE_OWNER_MODULE_ALL || reserved)
        return ERROR_INVALID_PARAMETER;
    if (family == AF_INET6 && number <= TCP_TABLE_BASIC_ALL)
        return ERROR_NOT_SUPPORTED;
    enum kind kind = (family == AF_INET6 ? six : four)[number / 3];
    return fill("GetExtendedTcpTable", kind, which[number % 3], table, size, order);
}

/* Lists sockets that are only bound, in memory of the given heap. Windows exports it without documentation. */
ULONG WINAPI InternalGetBoundTcp6EndpointTable(void **table, HANDLE heap, ULONG flags)
{
    static const char function[] = "InternalGetBoundTcp6EndpointTable";
    DWORD code, count = 0;
    enter(NULL);
    if (answered(function, NULL, &code))
        return leave(function, code);
    MIB_TCP6TABLE2 *to = HeapAlloc(heap, flags, shapes[TWO6].first + machine.six.count * sizeof(MIB_TCP6ROW2));
    if (!to)
        return leave(function, ERROR_NOT_ENOUGH_MEMORY);
    for (int i = 0; i < machine.six.count; i++)
        if (machine.six.all[i].state == 100)
            write_row(TWO6, &machine.six.all[i], &to->table[count++]);
    to->dwNumEntries = count;
    *table = to;
    return leave(function, NO_ERROR);
}

/* Deletes a connection. No other change is possible. */
DWORD WINAPI SetTcpEntry(MIB_TCPROW *row)
{
    DWORD code;
    if (!row)
        return ERROR_INVALID_PARAMETER;
    enter(NULL);
    if (answered("SetTcpEntry", NULL, &code))
        return leave("SetTcpEntry", code);
    if (row->dwState != MIB_TCP_STATE_DELETE_TCB)
        return leave("SetTcpEntry", ERROR_INVALID_PARAMETER);
    if (!machine.administrator)
        return leave("SetTcpEntry", ERROR_ACCESS_DENIED);
    for (int i = 0; i < machine.four.count; i++) {
        struct row *it = &machine.four.all[i];
        if (it->state != MIB_TCP_STATE_LISTEN && it->local.address.four.s_addr == row->dwLocalAddr
            && it->local.port == (USHORT)row->dwLocalPort && it->remote.address.four.s_addr == row->dwRemoteAddr
            && it->remote.port == (USHORT)row->dwRemotePort) {
            *it = machine.four.all[--machine.four.count];
            return leave("SetTcpEntry", NO_ERROR);
        }
    }
    return leave("SetTcpEntry", ERROR_MR_MID_NOT_FOUND);
}
