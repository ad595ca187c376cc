/* The functions that name the modules of endpoints.
 *
 * Without a line of the script they answer as Wine's tests expect of Windows: 1168 for process 0, 87 for a process that
 * does not exist, and otherwise the names of the executable. */
#include "script.h"

#include <wchar.h>

static const struct module *find(DWORD pid, ULONGLONG info)
{
    for (int i = 0; i < machine.module_count; i++)
        if (machine.modules[i].pid == pid && machine.modules[i].info == info)
            return &machine.modules[i];
    return NULL;
}

/* Writes the path of the executable of a process. */
static DWORD executable(DWORD pid, WCHAR *path, DWORD length)
{
    if (pid == 0)
        return ERROR_NOT_FOUND;
    HANDLE process = pid % 4 == 0 ? OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid) : NULL;
    if (!process)
        return ERROR_INVALID_PARAMETER;
    BOOL done = QueryFullProcessImageNameW(process, 0, path, &length);
    CloseHandle(process);
    return done ? NO_ERROR : ERROR_PARTIAL_COPY;
}

/* Writes the structure, the name and the path, and keeps the size. If they do not fit, writes the required size. */
static DWORD write(const WCHAR *name, const WCHAR *path, void *to, DWORD *size)
{
    TCPIP_OWNER_MODULE_BASIC_INFO *info = to;
    size_t name_units = wcslen(name) + 1, path_units = wcslen(path) + 1;
    DWORD needed = (DWORD)(sizeof *info + (name_units + path_units) * sizeof *name);
    if (!to || *size < needed) {
        *size = needed;
        return ERROR_INSUFFICIENT_BUFFER;
    }
    if (machine.garbage)
        fill_with_garbage(to, *size);
    info->pModuleName = (WCHAR *)(info + 1);
    info->pModulePath = info->pModuleName + name_units;
    wmemcpy(info->pModuleName, name, name_units);
    wmemcpy(info->pModulePath, path, path_units);
    return NO_ERROR;
}

static DWORD names(const char *function, DWORD pid, ULONGLONG info, void *to, DWORD *size)
{
    static WCHAR own[4096]; /* guarded by `enter` */
    DWORD code;
    enter(size);
    if (answered(function, size, &code))
        return leave(function, code);
    const struct module *module = find(pid, info);
    if (module)
        return leave(function, module->code ? module->code : write(module->name, module->path, to, size));
    code = executable(pid, own, ARRAYSIZE(own));
    if (code != NO_ERROR)
        return leave(function, code);
    const WCHAR *separator = wcsrchr(own, '\\');
    return leave(function, write(separator ? separator + 1 : own, own, to, size));
}

DWORD WINAPI GetOwnerModuleFromTcpEntry(MIB_TCPROW_OWNER_MODULE *row, TCPIP_OWNER_MODULE_INFO_CLASS class, void *to,
                                        DWORD *size)
{
    if (!row || !size || class != TCPIP_OWNER_MODULE_INFO_BASIC)
        return ERROR_INVALID_PARAMETER;
    return names("GetOwnerModuleFromTcpEntry", row->dwOwningPid, row->OwningModuleInfo[0], to, size);
}

DWORD WINAPI GetOwnerModuleFromTcp6Entry(MIB_TCP6ROW_OWNER_MODULE *row, TCPIP_OWNER_MODULE_INFO_CLASS class, void *to,
                                         DWORD *size)
{
    if (!row || !size || class != TCPIP_OWNER_MODULE_INFO_BASIC)
        return ERROR_INVALID_PARAMETER;
    return names("GetOwnerModuleFromTcp6Entry", row->dwOwningPid, row->OwningModuleInfo[0], to, size);
}

DWORD WINAPI GetOwnerModuleFromPidAndInfo(ULONG pid, ULONGLONG *info, TCPIP_OWNER_MODULE_INFO_CLASS class, void *to,
                                          DWORD *size)
{
    if (!info || !size || class != TCPIP_OWNER_MODULE_INFO_BASIC)
        return ERROR_INVALID_PARAMETER;
    return names("GetOwnerModuleFromPidAndInfo", pid, info[0], to, size);
}

/* Returns the creation time of a process in 100 ns since 1601, or -1. */
LONGLONG WINAPI tcp6_created(DWORD pid)
{
    FILETIME created, exited, kernel, user;
    HANDLE process = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid);
    BOOL done = process && GetProcessTimes(process, &created, &exited, &kernel, &user);
    if (process)
        CloseHandle(process);
    return done ? (LONGLONG)created.dwHighDateTime << 32 | created.dwLowDateTime : -1;
}
