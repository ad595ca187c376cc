/* Prints the rows of GetTcp6Table, one per line: the fields in the order of MIB_TCP6ROW, addresses as hexadecimal
 * bytes, other fields as raw decimal numbers. It shares no code with the Rust tests, which compare its output. */
#include <winsock2.h>
#include <ws2tcpip.h>
#include <iphlpapi.h>
#include <stdio.h>
#include <stdlib.h>

static void print_address(const IN6_ADDR *address) {
    for (int i = 0; i < 16; i++)
        printf("%02x", address->s6_addr[i]);
}

int main(void) {
    MIB_TCP6TABLE *table = NULL;
    ULONG size = 0, code;
    while ((code = GetTcp6Table(table, &size, TRUE)) == ERROR_INSUFFICIENT_BUFFER) {
        free(table);
        if ((table = malloc(size += 4096)) == NULL)
            return 1;
    }
    if (code != NO_ERROR)
        return 1;
    for (DWORD i = 0; i < table->dwNumEntries; i++) {
        const MIB_TCP6ROW *row = &table->table[i];
        printf("%d ", (int)row->State);
        print_address(&row->LocalAddr);
        printf(" %lu %lu ", row->dwLocalScopeId, row->dwLocalPort);
        print_address(&row->RemoteAddr);
        printf(" %lu %lu\n", row->dwRemoteScopeId, row->dwRemotePort);
    }
    return 0;
}
