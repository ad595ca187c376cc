/* The statistics of the stack. Each counter has another value, so that a test detects swapped ones. */
#include "script.h"

#include <string.h>

/* MIB_TCPSTATS2, which the headers of MinGW-w64 10 lack. */
struct statistics2 {
    int algorithm;
    DWORD minimum, maximum, limit, active_opens, passive_opens, failed_attempts, resets, established;
    DWORD64 segments_in, segments_out;
    DWORD retransmitted, errors_in, resets_out, connections;
};
_Static_assert(sizeof(struct statistics2) == 72, "size of MIB_TCPSTATS2");

static struct statistics2 counted(ULONG family)
{
    const struct rows *rows = family == AF_INET6 ? &machine.six : &machine.four;
    struct statistics2 it = {4, 10, 0xFFFFFFFF, 0xFFFFFFFF, 101, 102, 103, 104, 0,
                             machine.segments_in, machine.segments_out, 105, 106, 107, 0};
    for (int i = 0; i < rows->count; i++) {
        DWORD state = rows->all[i].state;
        it.connections += state != MIB_TCP_STATE_LISTEN;
        it.established += state == MIB_TCP_STATE_ESTAB || state == MIB_TCP_STATE_CLOSE_WAIT;
    }
    return it;
}

static int known(ULONG family)
{
    return family == AF_INET || family == AF_INET6;
}

ULONG WINAPI GetTcpStatisticsEx2(struct statistics2 *to, ULONG family)
{
    DWORD code;
    if (!to || !known(family))
        return ERROR_INVALID_PARAMETER;
    enter(NULL);
    if (!answered("GetTcpStatisticsEx2", NULL, &code)) {
        *to = counted(family);
        code = NO_ERROR;
    }
    return leave("GetTcpStatisticsEx2", code);
}

ULONG WINAPI GetTcpStatisticsEx(MIB_TCPSTATS *to, ULONG family)
{
    DWORD code;
    if (!to || !known(family))
        return ERROR_INVALID_PARAMETER;
    enter(NULL);
    if (!answered("GetTcpStatisticsEx", NULL, &code)) {
        struct statistics2 it = counted(family);
        to->dwRtoAlgorithm = it.algorithm;
        to->dwRtoMin = it.minimum;
        to->dwRtoMax = it.maximum;
        to->dwMaxConn = it.limit;
        to->dwActiveOpens = it.active_opens;
        to->dwPassiveOpens = it.passive_opens;
        to->dwAttemptFails = it.failed_attempts;
        to->dwEstabResets = it.resets;
        to->dwCurrEstab = it.established;
        to->dwInSegs = (DWORD)it.segments_in;
        to->dwOutSegs = (DWORD)it.segments_out;
        to->dwRetransSegs = it.retransmitted;
        to->dwInErrs = it.errors_in;
        to->dwOutRsts = it.resets_out;
        to->dwNumConns = it.connections;
        code = NO_ERROR;
    }
    return leave("GetTcpStatisticsEx", code);
}
