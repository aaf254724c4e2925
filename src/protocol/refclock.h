// How chrony in a guest gets its reference: one `refclock` line in a file below /run that the
// guest's chrony.conf includes by `confdir`. Role `generate` writes it before the first unit;
// role `clock` writes it again, before chrony starts, when it found a device since then.
#pragma once

#include <string_view>

namespace inro::protocol {

inline constexpr std::string_view kChronyFolder = "inro/chrony.d";                // below /run
inline constexpr std::string_view kRefclockFile = "inro/chrony.d/refclock.conf";  // below /run

// Where chronyd listens for samples (chrony.conf(5), refclock SOCK), and for commands.
inline constexpr std::string_view kChronySampleSocket = "/run/chrony/inro.sock";
inline constexpr std::string_view kChronyCommandSocket = "/run/chrony/chronyd.sock";

// The host's clock through the hypervisor: sysfs says so in this file.
inline constexpr std::string_view kPtpNamePath = "/sys/class/ptp/ptp0/clock_name";
inline constexpr std::string_view kPtpKvmName = "KVM virtual PTP";
inline constexpr std::string_view kPtpDevice = "/dev/ptp0";

// Role `clock` sends a sample every four seconds, at first every second, each the best of several
// exchanges: it needs no filter, and a filter of the default length would keep back each four of
// them (`filter 1`). `delay` and `precision` are those of an exchange over vsock. Reference clocks
// need no network.
inline constexpr std::string_view kSockRefclock =
    "refclock SOCK /run/chrony/inro.sock refid HOST poll 0 filter 1 precision 1e-5 delay 1e-4\n";
// Two readings a second, filtered to one in two seconds; chronyd selects a source after three.
inline constexpr std::string_view kPhcRefclock =
    "refclock PHC /dev/ptp0 refid PHC0 poll 1 dpoll -1 offset 0\n";

}  // namespace inro::protocol
