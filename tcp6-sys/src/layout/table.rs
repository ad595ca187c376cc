// The layouts and values of the C headers, measured with C compilers for x86-64, ARM64 and x86.
//
// Three checks include this file and define the macros `layouts!` and `constants!`: the assertions of `layout.rs`, the
// tests of `tests/windows_sys.rs`, and the C program of the repository's `cargo xtask layout`.
//
// Each line is `field: offset + size`, in bytes. A second column after `/` is for 32-bit targets, if they differ.

layouts! {
    IN6_ADDR: size 16, align 2 {
        u: 0 + 16,
    }

    MIB_TCP6ROW: size 52, align 4 {
        State: 0 + 4,
        LocalAddr: 4 + 16,
        dwLocalScopeId: 20 + 4,
        dwLocalPort: 24 + 4,
        RemoteAddr: 28 + 16,
        dwRemoteScopeId: 44 + 4,
        dwRemotePort: 48 + 4,
    }

    MIB_TCP6ROW2: size 60, align 4 {
        LocalAddr: 0 + 16,
        dwLocalScopeId: 16 + 4,
        dwLocalPort: 20 + 4,
        RemoteAddr: 24 + 16,
        dwRemoteScopeId: 40 + 4,
        dwRemotePort: 44 + 4,
        State: 48 + 4,
        dwOwningPid: 52 + 4,
        dwOffloadState: 56 + 4,
    }

    MIB_TCP6ROW_OWNER_PID: size 56, align 4 {
        ucLocalAddr: 0 + 16,
        dwLocalScopeId: 16 + 4,
        dwLocalPort: 20 + 4,
        ucRemoteAddr: 24 + 16,
        dwRemoteScopeId: 40 + 4,
        dwRemotePort: 44 + 4,
        dwState: 48 + 4,
        dwOwningPid: 52 + 4,
    }

    MIB_TCP6ROW_OWNER_MODULE: size 192, align 8 {
        ucLocalAddr: 0 + 16,
        dwLocalScopeId: 16 + 4,
        dwLocalPort: 20 + 4,
        ucRemoteAddr: 24 + 16,
        dwRemoteScopeId: 40 + 4,
        dwRemotePort: 44 + 4,
        dwState: 48 + 4,
        dwOwningPid: 52 + 4,
        liCreateTimestamp: 56 + 8,
        OwningModuleInfo: 64 + 128,
    }

    MIB_TCPROW: size 20, align 4 {
        dwState: 0 + 4,
        dwLocalAddr: 4 + 4,
        dwLocalPort: 8 + 4,
        dwRemoteAddr: 12 + 4,
        dwRemotePort: 16 + 4,
    }

    MIB_TCPROW_OWNER_PID: size 24, align 4 {
        dwState: 0 + 4,
        dwLocalAddr: 4 + 4,
        dwLocalPort: 8 + 4,
        dwRemoteAddr: 12 + 4,
        dwRemotePort: 16 + 4,
        dwOwningPid: 20 + 4,
    }

    MIB_TCPROW_OWNER_MODULE: size 160, align 8 {
        dwState: 0 + 4,
        dwLocalAddr: 4 + 4,
        dwLocalPort: 8 + 4,
        dwRemoteAddr: 12 + 4,
        dwRemotePort: 16 + 4,
        dwOwningPid: 20 + 4,
        liCreateTimestamp: 24 + 8,
        OwningModuleInfo: 32 + 128,
    }

    MIB_TCPROW2: size 28, align 4 {
        dwState: 0 + 4,
        dwLocalAddr: 4 + 4,
        dwLocalPort: 8 + 4,
        dwRemoteAddr: 12 + 4,
        dwRemotePort: 16 + 4,
        dwOwningPid: 20 + 4,
        dwOffloadState: 24 + 4,
    }

    MIB_TCP6TABLE: size 56, align 4 {
        dwNumEntries: 0 + 4,
        table: 4 + 52,
    }

    MIB_TCP6TABLE2: size 64, align 4 {
        dwNumEntries: 0 + 4,
        table: 4 + 60,
    }

    MIB_TCP6TABLE_OWNER_PID: size 60, align 4 {
        dwNumEntries: 0 + 4,
        table: 4 + 56,
    }

    MIB_TCP6TABLE_OWNER_MODULE: size 200, align 8 {
        dwNumEntries: 0 + 4,
        table: 8 + 192,
    }

    MIB_TCPTABLE: size 24, align 4 {
        dwNumEntries: 0 + 4,
        table: 4 + 20,
    }

    MIB_TCPTABLE_OWNER_PID: size 28, align 4 {
        dwNumEntries: 0 + 4,
        table: 4 + 24,
    }

    MIB_TCPTABLE_OWNER_MODULE: size 168, align 8 {
        dwNumEntries: 0 + 4,
        table: 8 + 160,
    }

    MIB_TCPTABLE2: size 32, align 4 {
        dwNumEntries: 0 + 4,
        table: 4 + 28,
    }

    TCPIP_OWNER_MODULE_BASIC_INFO: size 16 / 8, align 8 / 4 {
        pModuleName: 0 + 8 / 0 + 4,
        pModulePath: 8 + 8 / 4 + 4,
    }

    MIB_TCPSTATS: size 60, align 4 {
        dwRtoAlgorithm: 0 + 4,
        dwRtoMin: 4 + 4,
        dwRtoMax: 8 + 4,
        dwMaxConn: 12 + 4,
        dwActiveOpens: 16 + 4,
        dwPassiveOpens: 20 + 4,
        dwAttemptFails: 24 + 4,
        dwEstabResets: 28 + 4,
        dwCurrEstab: 32 + 4,
        dwInSegs: 36 + 4,
        dwOutSegs: 40 + 4,
        dwRetransSegs: 44 + 4,
        dwInErrs: 48 + 4,
        dwOutRsts: 52 + 4,
        dwNumConns: 56 + 4,
    }

    MIB_TCPSTATS2: size 72, align 8 {
        RtoAlgorithm: 0 + 4,
        dwRtoMin: 4 + 4,
        dwRtoMax: 8 + 4,
        dwMaxConn: 12 + 4,
        dwActiveOpens: 16 + 4,
        dwPassiveOpens: 20 + 4,
        dwAttemptFails: 24 + 4,
        dwEstabResets: 28 + 4,
        dwCurrEstab: 32 + 4,
        dw64InSegs: 40 + 8,
        dw64OutSegs: 48 + 8,
        dwRetransSegs: 56 + 4,
        dwInErrs: 60 + 4,
        dwOutRsts: 64 + 4,
        dwNumConns: 68 + 4,
    }

    TCP_ESTATS_SYN_OPTS_ROS_v0: size 12, align 4 {
        ActiveOpen: 0 + 1,
        MssRcvd: 4 + 4,
        MssSent: 8 + 4,
    }

    TCP_ESTATS_DATA_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_DATA_ROD_v0: size 96, align 8 {
        DataBytesOut: 0 + 8,
        DataSegsOut: 8 + 8,
        DataBytesIn: 16 + 8,
        DataSegsIn: 24 + 8,
        SegsOut: 32 + 8,
        SegsIn: 40 + 8,
        SoftErrors: 48 + 4,
        SoftErrorReason: 52 + 4,
        SndUna: 56 + 4,
        SndNxt: 60 + 4,
        SndMax: 64 + 4,
        ThruBytesAcked: 72 + 8,
        RcvNxt: 80 + 4,
        ThruBytesReceived: 88 + 8,
    }

    TCP_ESTATS_SND_CONG_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_SND_CONG_ROS_v0: size 4, align 4 {
        LimCwnd: 0 + 4,
    }

    TCP_ESTATS_SND_CONG_ROD_v0: size 88 / 72, align 8 / 4 {
        SndLimTransRwin: 0 + 4,
        SndLimTimeRwin: 4 + 4,
        SndLimBytesRwin: 8 + 8 / 8 + 4,
        SndLimTransCwnd: 16 + 4 / 12 + 4,
        SndLimTimeCwnd: 20 + 4 / 16 + 4,
        SndLimBytesCwnd: 24 + 8 / 20 + 4,
        SndLimTransSnd: 32 + 4 / 24 + 4,
        SndLimTimeSnd: 36 + 4 / 28 + 4,
        SndLimBytesSnd: 40 + 8 / 32 + 4,
        SlowStart: 48 + 4 / 36 + 4,
        CongAvoid: 52 + 4 / 40 + 4,
        OtherReductions: 56 + 4 / 44 + 4,
        CurCwnd: 60 + 4 / 48 + 4,
        MaxSsCwnd: 64 + 4 / 52 + 4,
        MaxCaCwnd: 68 + 4 / 56 + 4,
        CurSsthresh: 72 + 4 / 60 + 4,
        MaxSsthresh: 76 + 4 / 64 + 4,
        MinSsthresh: 80 + 4 / 68 + 4,
    }

    TCP_ESTATS_PATH_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_PATH_ROD_v0: size 160, align 4 {
        FastRetran: 0 + 4,
        Timeouts: 4 + 4,
        SubsequentTimeouts: 8 + 4,
        CurTimeoutCount: 12 + 4,
        AbruptTimeouts: 16 + 4,
        PktsRetrans: 20 + 4,
        BytesRetrans: 24 + 4,
        DupAcksIn: 28 + 4,
        SacksRcvd: 32 + 4,
        SackBlocksRcvd: 36 + 4,
        CongSignals: 40 + 4,
        PreCongSumCwnd: 44 + 4,
        PreCongSumRtt: 48 + 4,
        PostCongSumRtt: 52 + 4,
        PostCongCountRtt: 56 + 4,
        EcnSignals: 60 + 4,
        EceRcvd: 64 + 4,
        SendStall: 68 + 4,
        QuenchRcvd: 72 + 4,
        RetranThresh: 76 + 4,
        SndDupAckEpisodes: 80 + 4,
        SumBytesReordered: 84 + 4,
        NonRecovDa: 88 + 4,
        NonRecovDaEpisodes: 92 + 4,
        AckAfterFr: 96 + 4,
        DsackDups: 100 + 4,
        SampleRtt: 104 + 4,
        SmoothedRtt: 108 + 4,
        RttVar: 112 + 4,
        MaxRtt: 116 + 4,
        MinRtt: 120 + 4,
        SumRtt: 124 + 4,
        CountRtt: 128 + 4,
        CurRto: 132 + 4,
        MaxRto: 136 + 4,
        MinRto: 140 + 4,
        CurMss: 144 + 4,
        MaxMss: 148 + 4,
        MinMss: 152 + 4,
        SpuriousRtoDetections: 156 + 4,
    }

    TCP_ESTATS_SEND_BUFF_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_SEND_BUFF_ROD_v0: size 32 / 16, align 8 / 4 {
        CurRetxQueue: 0 + 8 / 0 + 4,
        MaxRetxQueue: 8 + 8 / 4 + 4,
        CurAppWQueue: 16 + 8 / 8 + 4,
        MaxAppWQueue: 24 + 8 / 12 + 4,
    }

    TCP_ESTATS_REC_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_REC_ROD_v0: size 72 / 56, align 8 / 4 {
        CurRwinSent: 0 + 4,
        MaxRwinSent: 4 + 4,
        MinRwinSent: 8 + 4,
        LimRwin: 12 + 4,
        DupAckEpisodes: 16 + 4,
        DupAcksOut: 20 + 4,
        CeRcvd: 24 + 4,
        EcnSent: 28 + 4,
        EcnNoncesRcvd: 32 + 4,
        CurReasmQueue: 36 + 4,
        MaxReasmQueue: 40 + 4,
        CurAppRQueue: 48 + 8 / 44 + 4,
        MaxAppRQueue: 56 + 8 / 48 + 4,
        WinScaleSent: 64 + 1 / 52 + 1,
    }

    TCP_ESTATS_OBS_REC_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_OBS_REC_ROD_v0: size 16, align 4 {
        CurRwinRcvd: 0 + 4,
        MaxRwinRcvd: 4 + 4,
        MinRwinRcvd: 8 + 4,
        WinScaleRcvd: 12 + 1,
    }

    TCP_ESTATS_BANDWIDTH_RW_v0: size 8, align 4 {
        EnableCollectionOutbound: 0 + 4,
        EnableCollectionInbound: 4 + 4,
    }

    TCP_ESTATS_BANDWIDTH_ROD_v0: size 40, align 8 {
        OutboundBandwidth: 0 + 8,
        InboundBandwidth: 8 + 8,
        OutboundInstability: 16 + 8,
        InboundInstability: 24 + 8,
        OutboundBandwidthPeaked: 32 + 1,
        InboundBandwidthPeaked: 33 + 1,
    }

    TCP_ESTATS_FINE_RTT_RW_v0: size 1, align 1 {
        EnableCollection: 0 + 1,
    }

    TCP_ESTATS_FINE_RTT_ROD_v0: size 16, align 4 {
        RttVar: 0 + 4,
        MaxRtt: 4 + 4,
        MinRtt: 8 + 4,
        SumRtt: 12 + 4,
    }
}

// Constants that MinGW-w64 lacks are in `tests/windows_sys.rs`.
constants! {
    AF_INET = 2,
    AF_INET6 = 23,
    FALSE = 0,
    TRUE = 1,
    ANY_SIZE = 1,
    TCPIP_OWNING_MODULE_SIZE = 16,

    MIB_TCP_STATE_CLOSED = 1,
    MIB_TCP_STATE_LISTEN = 2,
    MIB_TCP_STATE_SYN_SENT = 3,
    MIB_TCP_STATE_SYN_RCVD = 4,
    MIB_TCP_STATE_ESTAB = 5,
    MIB_TCP_STATE_FIN_WAIT1 = 6,
    MIB_TCP_STATE_FIN_WAIT2 = 7,
    MIB_TCP_STATE_CLOSE_WAIT = 8,
    MIB_TCP_STATE_CLOSING = 9,
    MIB_TCP_STATE_LAST_ACK = 10,
    MIB_TCP_STATE_TIME_WAIT = 11,
    MIB_TCP_STATE_DELETE_TCB = 12,

    TCP_TABLE_BASIC_LISTENER = 0,
    TCP_TABLE_BASIC_CONNECTIONS = 1,
    TCP_TABLE_BASIC_ALL = 2,
    TCP_TABLE_OWNER_PID_LISTENER = 3,
    TCP_TABLE_OWNER_PID_CONNECTIONS = 4,
    TCP_TABLE_OWNER_PID_ALL = 5,
    TCP_TABLE_OWNER_MODULE_LISTENER = 6,
    TCP_TABLE_OWNER_MODULE_CONNECTIONS = 7,
    TCP_TABLE_OWNER_MODULE_ALL = 8,

    TCPIP_OWNER_MODULE_INFO_BASIC = 0,

    TcpConnectionOffloadStateInHost = 0,
    TcpConnectionOffloadStateOffloading = 1,
    TcpConnectionOffloadStateOffloaded = 2,
    TcpConnectionOffloadStateUploading = 3,
    TcpConnectionOffloadStateMax = 4,

    MIB_TCP_RTO_OTHER = 1,
    MIB_TCP_RTO_CONSTANT = 2,
    MIB_TCP_RTO_RSRE = 3,
    MIB_TCP_RTO_VANJ = 4,

    TcpConnectionEstatsSynOpts = 0,
    TcpConnectionEstatsData = 1,
    TcpConnectionEstatsSndCong = 2,
    TcpConnectionEstatsPath = 3,
    TcpConnectionEstatsSendBuff = 4,
    TcpConnectionEstatsRec = 5,
    TcpConnectionEstatsObsRec = 6,
    TcpConnectionEstatsBandwidth = 7,
    TcpConnectionEstatsFineRtt = 8,
    TcpConnectionEstatsMaximum = 9,

    TcpBoolOptDisabled = 0,
    TcpBoolOptEnabled = 1,
    TcpBoolOptUnchanged = -1,

    NO_ERROR = 0,
    ERROR_ACCESS_DENIED = 5,
    ERROR_NOT_ENOUGH_MEMORY = 8,
    ERROR_OUTOFMEMORY = 14,
    ERROR_GEN_FAILURE = 31,
    ERROR_NOT_SUPPORTED = 50,
    ERROR_NETWORK_ACCESS_DENIED = 65,
    ERROR_INVALID_PARAMETER = 87,
    ERROR_CALL_NOT_IMPLEMENTED = 120,
    ERROR_INSUFFICIENT_BUFFER = 122,
    ERROR_MOD_NOT_FOUND = 126,
    ERROR_PROC_NOT_FOUND = 127,
    ERROR_NO_DATA = 232,
    ERROR_MORE_DATA = 234,
    ERROR_PARTIAL_COPY = 299,
    ERROR_MR_MID_NOT_FOUND = 317,
    ERROR_NOT_FOUND = 1168,
    ERROR_INVALID_USER_BUFFER = 1784,
    STATUS_UNSUCCESSFUL = 0xC0000001,
}
