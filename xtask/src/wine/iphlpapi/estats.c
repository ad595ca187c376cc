/* The extended statistics of single connections. Sizes are those of the C headers, to the byte. */
#include "script.h"

#include <string.h>

static const struct {
    ULONG rw, ros, rod;
} sizes[KINDS] = {
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

struct part {
    UCHAR *to;
    ULONG version, size;
};

/* Finds the connection of a row by its ends. States are not compared: a row can be older than the state. */
static struct row *connection(const struct rows *rows, const struct row *wanted, int address_bytes)
{
    for (int i = 0; i < rows->count; i++) {
        struct row *row = &rows->all[i];
        if (row->state != MIB_TCP_STATE_LISTEN && !row->gone && compare_rows(row, wanted, address_bytes) == 0)
            return row;
    }
    return NULL;
}

static struct row of_six(const MIB_TCP6ROW *row)
{
    struct row wanted = {0};
    memcpy(&wanted.local.address.six, &row->LocalAddr, 16);
    memcpy(&wanted.remote.address.six, &row->RemoteAddr, 16);
    wanted.local.scope = row->dwLocalScopeId;
    wanted.remote.scope = row->dwRemoteScopeId;
    wanted.local.port = (USHORT)row->dwLocalPort;
    wanted.remote.port = (USHORT)row->dwRemotePort;
    return wanted;
}

static struct row of_four(const MIB_TCPROW *row)
{
    struct row wanted = {0};
    wanted.local.address.four.s_addr = row->dwLocalAddr;
    wanted.remote.address.four.s_addr = row->dwRemoteAddr;
    wanted.local.port = (USHORT)row->dwLocalPort;
    wanted.remote.port = (USHORT)row->dwRemotePort;
    return wanted;
}

/* Whether a buffer is invalid for `wanted` bytes. */
static int unfit(const void *buffer, ULONG size, ULONG wanted)
{
    return buffer ? wanted == 0 || size < wanted : size != 0;
}

static DWORD get(const char *function, const struct rows *rows, struct row wanted, int address_bytes, int kind,
                 struct part rw, struct part ros, struct part rod)
{
    DWORD code;
    if (kind < 0 || kind >= KINDS)
        return ERROR_INVALID_PARAMETER;
    enter();
    if (answered(function, NULL, &code))
        return leave(function, code);
    if (rw.version || ros.version || rod.version)
        return leave(function, ERROR_NOT_SUPPORTED);
    if (unfit(rw.to, rw.size, sizes[kind].rw) || unfit(ros.to, ros.size, sizes[kind].ros)
        || unfit(rod.to, rod.size, sizes[kind].rod))
        return leave(function, ERROR_INVALID_USER_BUFFER);
    const struct row *row = connection(rows, &wanted, address_bytes);
    if (!row)
        return leave(function, ERROR_NOT_FOUND);
    BYTE on = row->collected[kind];
    if (rw.to && kind == TcpConnectionEstatsBandwidth) {
        LONG outbound_and_inbound[2] = {on & 1, on >> 1};
        memcpy(rw.to, outbound_and_inbound, sizeof outbound_and_inbound);
    } else if (rw.to)
        rw.to[0] = on;
    /* Each byte is its offset plus 1 and the step, so that a read at a wrong offset gives a wrong value. */
    for (ULONG i = 0; ros.to && i < sizes[kind].ros; i++)
        ros.to[i] = (UCHAR)(i + 1);
    for (ULONG i = 0; rod.to && i < sizes[kind].rod; i++)
        rod.to[i] = on ? (UCHAR)(i + 1 + machine.estats_step) : 0xA5; /* "meaningless random data" unless it is on */
    return leave(function, NO_ERROR);
}

/* The new state of one direction; -1 keeps the old one. */
static void turn(BYTE *on, int bit, LONG wanted)
{
    if (wanted == TcpBoolOptEnabled)
        *on |= 1 << bit;
    else if (wanted == TcpBoolOptDisabled)
        *on &= ~(1 << bit);
}

static DWORD set(const char *function, const struct rows *rows, struct row wanted, int address_bytes, int kind,
                 const UCHAR *rw, ULONG version, ULONG size, ULONG offset)
{
    DWORD code;
    if (kind < 0 || kind >= KINDS)
        return ERROR_INVALID_PARAMETER;
    enter();
    if (answered(function, NULL, &code))
        return leave(function, code);
    if (!machine.administrator)
        return leave(function, ERROR_ACCESS_DENIED);
    if (version || offset)
        return leave(function, ERROR_NOT_SUPPORTED);
    if (size == 0)
        return leave(function, NO_ERROR);
    if (unfit(rw, size, sizes[kind].rw))
        return leave(function, ERROR_INVALID_USER_BUFFER);
    struct row *row = connection(rows, &wanted, address_bytes);
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
    if (!row)
        return ERROR_INVALID_PARAMETER;
    return get("GetPerTcp6ConnectionEStats", &machine.six, of_six(row), 16, kind,
               (struct part){rw, rw_version, rw_size}, (struct part){ros, ros_version, ros_size},
               (struct part){rod, rod_version, rod_size});
}

ULONG WINAPI GetPerTcpConnectionEStats(MIB_TCPROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG rw_version,
                                       ULONG rw_size, UCHAR *ros, ULONG ros_version, ULONG ros_size, UCHAR *rod,
                                       ULONG rod_version, ULONG rod_size)
{
    if (!row)
        return ERROR_INVALID_PARAMETER;
    return get("GetPerTcpConnectionEStats", &machine.four, of_four(row), 4, kind,
               (struct part){rw, rw_version, rw_size}, (struct part){ros, ros_version, ros_size},
               (struct part){rod, rod_version, rod_size});
}

ULONG WINAPI SetPerTcp6ConnectionEStats(MIB_TCP6ROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG version, ULONG size,
                                        ULONG offset)
{
    if (!row)
        return ERROR_INVALID_PARAMETER;
    return set("SetPerTcp6ConnectionEStats", &machine.six, of_six(row), 16, kind, rw, version, size, offset);
}

ULONG WINAPI SetPerTcpConnectionEStats(MIB_TCPROW *row, TCP_ESTATS_TYPE kind, UCHAR *rw, ULONG version, ULONG size,
                                       ULONG offset)
{
    if (!row)
        return ERROR_INVALID_PARAMETER;
    return set("SetPerTcpConnectionEStats", &machine.four, of_four(row), 4, kind, rw, version, size, offset);
}
