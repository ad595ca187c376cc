/* The extended statistics of connections. Sizes are those of the C headers, to the byte. */
#include "script.h"

#include <string.h>

enum { RW, ROS, ROD, PARTS };

static const ULONG sizes[KINDS][PARTS] = {
    [TcpConnectionEstatsSynOpts] = {0, sizeof(TCP_ESTATS_SYN_OPTS_ROS_v0), 0},
    [TcpConnectionEstatsData] = {sizeof(TCP_ESTATS_DATA_RW_v0), 0, sizeof(TCP_ESTATS_DATA_ROD_v0)},
    [TcpConnectionEstatsSndCong] = {sizeof(TCP_ESTATS_SND_CONG_RW_v0), sizeof(TCP_ESTATS_SND_CONG_ROS_v0),
                                    sizeof(TCP_ESTATS_SND_CONG_ROD_v0)},
    [TcpConnectionEstatsPath] = {sizeof(TCP_ESTATS_PATH_RW_v0), 0, sizeof(TCP_ESTATS_PATH_ROD_v0)},
    [TcpConnectionEstatsSendBuff] = {sizeof(TCP_ESTATS_SEND_BUFF_RW_v0), 0, sizeof(TCP_ESTATS_SEND_BUFF_ROD_v0)},
    [TcpConnectionEstatsRec] = {sizeof(TCP_ESTATS_REC_RW_v0), 0, sizeof(TCP_ESTATS_REC_ROD_v0)},
    [TcpConnectionEstatsObsRec] = {sizeof(TCP_ESTATS_OBS_REC_RW_v0), 0, sizeof(TCP_ESTATS_OBS_REC_ROD_v0)},
    [TcpConnectionEstatsBandwidth] = {sizeof(TCP_ESTATS_BANDWIDTH_RW_v0), 0, sizeof(TCP_ESTATS_BANDWIDTH_ROD_v0)},
    [TcpConnectionEstatsFineRtt] = {sizeof(TCP_ESTATS_FINE_RTT_RW_v0), 0, sizeof(TCP_ESTATS_FINE_RTT_ROD_v0)},
};

/* A buffer of the caller for one part of the statistics. */
struct part {
    UCHAR *to;
    ULONG version, size;
};

/* A connection that the caller asks for. */
struct wanted {
    const struct rows *rows;
    int address_bytes;
    struct row row; /* only the ends */
};

static struct wanted of_six(const MIB_TCP6ROW *row)
{
    struct wanted wanted = {&machine.six, 16, {0}};
    struct end *local = &wanted.row.local, *remote = &wanted.row.remote;
    local->address.six = row->LocalAddr;
    local->scope = row->dwLocalScopeId;
    local->port = (USHORT)row->dwLocalPort;
    remote->address.six = row->RemoteAddr;
    remote->scope = row->dwRemoteScopeId;
    remote->port = (USHORT)row->dwRemotePort;
    return wanted;
}

static struct wanted of_four(const MIB_TCPROW *row)
{
    struct wanted wanted = {&machine.four, 4, {0}};
    struct end *local = &wanted.row.local, *remote = &wanted.row.remote;
    local->address.four.s_addr = row->dwLocalAddr;
    local->port = (USHORT)row->dwLocalPort;
    remote->address.four.s_addr = row->dwRemoteAddr;
    remote->port = (USHORT)row->dwRemotePort;
    return wanted;
}

/* Finds a connection by its ends. The state of the row is not compared, because it can be outdated. */
static struct row *find(const struct wanted *wanted)
{
    for (int i = 0; i < wanted->rows->count; i++) {
        struct row *row = &wanted->rows->all[i];
        if (row->state != MIB_TCP_STATE_LISTEN && !row->gone
            && compare_rows(row, &wanted->row, wanted->address_bytes) == 0)
            return row;
    }
    return NULL;
}

/* Returns whether a buffer is invalid for a part of this size. */
static int unfit(const void *buffer, ULONG size, ULONG part_size)
{
    return buffer ? part_size == 0 || size < part_size : size != 0;
}

static DWORD get(const char *function, struct wanted wanted, int kind, const struct part parts[PARTS])
{
    DWORD code;
    if (kind < 0 || kind >= KINDS)
        return ERROR_INVALID_PARAMETER;
    enter(NULL);
    if (answered(function, NULL, &code))
        return leave(function, code);
    for (int i = 0; i < PARTS; i++)
        if (parts[i].version)
            return leave(function, ERROR_NOT_SUPPORTED);
    for (int i = 0; i < PARTS; i++)
        if (unfit(parts[i].to, parts[i].size, sizes[kind][i]))
            return leave(function, ERROR_INVALID_USER_BUFFER);
    const struct row *row = find(&wanted);
    if (!row)
        return leave(function, ERROR_NOT_FOUND);
    BYTE on = row->collected[kind];
    if (parts[RW].to && kind == TcpConnectionEstatsBandwidth) {
        LONG outbound_and_inbound[2] = {on & 1, on >> 1};
        memcpy(parts[RW].to, outbound_and_inbound, sizeof outbound_and_inbound);
    } else if (parts[RW].to)
        parts[RW].to[0] = on;
    /* A byte is its offset plus 1, and in Rod plus the step, so that a read at a wrong offset gives a wrong value. Rod is
     * undefined unless it is collected. */
    for (int part = ROS; part <= ROD; part++)
        for (ULONG i = 0; parts[part].to && i < sizes[kind][part]; i++)
            parts[part].to[i] = part == ROS ? (UCHAR)(i + 1) : on ? (UCHAR)(i + 1 + machine.estats_step) : 0xA5;
    return leave(function, NO_ERROR);
}

/* Sets one direction. Any other value keeps the old one. */
static void turn(BYTE *on, int bit, LONG option)
{
    if (option == TcpBoolOptEnabled)
        *on |= 1 << bit;
    else if (option == TcpBoolOptDisabled)
        *on &= ~(1 << bit);
}

static DWORD set(const char *function, struct wanted wanted, int kind, const UCHAR *rw, ULONG version, ULONG size,
                 ULONG offset)
{
    DWORD code;
    if (kind < 0 || kind >= KINDS)
        return ERROR_INVALID_PARAMETER;
    enter(NULL);
    if (answered(function, NULL, &code))
        return leave(function, code);
    if (!machine.administrator)
        return leave(function, ERROR_ACCESS_DENIED);
    if (version || offset)
        return leave(function, ERROR_NOT_SUPPORTED);
    if (size == 0)
        return leave(function, NO_ERROR);
    if (unfit(rw, size, sizes[kind][RW]))
        return leave(function, ERROR_INVALID_USER_BUFFER);
    struct row *row = find(&wanted);
    if (!row)
        return leave(function, ERROR_NOT_FOUND);
    if (kind == TcpConnectionEstatsBandwidth) {
        LONG outbound_and_inbound[2];
        memcpy(outbound_and_inbound, rw, sizeof outbound_and_inbound);
        turn(&row->collected[kind], 0, outbound_and_inbound[0]);
        turn(&row->collected[kind], 1, outbound_and_inbound[1]);
    } else
        row->collected[kind] = rw[0] != 0;
    return leave(function, NO_ERROR);
}

ULONG WINAPI GetPerTcp6ConnectionEStats(MIB_TCP6ROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG rw_version,
                                        ULONG rw_size, UCHAR *ros, ULONG ros_version, ULONG ros_size, UCHAR *rod,
                                        ULONG rod_version, ULONG rod_size)
{
    struct part parts[] = {{rw, rw_version, rw_size}, {ros, ros_version, ros_size}, {rod, rod_version, rod_size}};
    return row ? get("GetPerTcp6ConnectionEStats", of_six(row), kind, parts) : ERROR_INVALID_PARAMETER;
}

ULONG WINAPI GetPerTcpConnectionEStats(MIB_TCPROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG rw_version,
                                       ULONG rw_size, UCHAR *ros, ULONG ros_version, ULONG ros_size, UCHAR *rod,
                                       ULONG rod_version, ULONG rod_size)
{
    struct part parts[] = {{rw, rw_version, rw_size}, {ros, ros_version, ros_size}, {rod, rod_version, rod_size}};
    return row ? get("GetPerTcpConnectionEStats", of_four(row), kind, parts) : ERROR_INVALID_PARAMETER;
}

ULONG WINAPI SetPerTcp6ConnectionEStats(MIB_TCP6ROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG version, ULONG size,
                                        ULONG offset)
{
    return row ? set("SetPerTcp6ConnectionEStats", of_six(row), kind, rw, version, size, offset)
               : ERROR_INVALID_PARAMETER;
}

ULONG WINAPI SetPerTcpConnectionEStats(MIB_TCPROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG version, ULONG size,
                                       ULONG offset)
{
    return row ? set("SetPerTcpConnectionEStats", of_four(row), kind, rw, version, size, offset)
               : ERROR_INVALID_PARAMETER;
}
