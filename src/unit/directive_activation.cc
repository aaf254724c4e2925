// Rows of the directive table: systemd.socket(5), systemd.timer(5) and systemd.mount(5).
#include "unit/directive_table.h"
#include "unit/socket_parse.h"

namespace inro::unit {
namespace {

template <class E>
consteval int ArgumentOf(E value) {
  return static_cast<int>(value);
}

constexpr Directive kSocketRows[] = {
    {"Accept", Support::kEnforced, &parse::Bool<&SocketSettings::accept>},
    {"Backlog", Support::kEnforced, &parse::Unsigned<&SocketSettings::backlog>},
    {"BindIPv6Only", Support::kEnforced,
     &parse::OneOf<&SocketSettings::ipv6_only, parse::kBindIpv6Only>},
    {"BindToDevice", Support::kEnforced, &parse::Text<&SocketSettings::bind_to_device>},
    {"Broadcast", Support::kEnforced, &parse::Bool<&SocketSettings::broadcast>},
    {"DeferAcceptSec", Support::kNotEnforced},
    {"DirectoryMode", Support::kEnforced, &parse::Mode<&SocketSettings::directory_mode>},
    {"ExecStartPost", Support::kEnforced, &parse::Commands<&SocketSettings::start_post>},
    {"ExecStartPre", Support::kEnforced, &parse::Commands<&SocketSettings::start_pre>},
    {"ExecStopPost", Support::kEnforced, &parse::Commands<&SocketSettings::stop_post>},
    {"ExecStopPre", Support::kEnforced, &parse::Commands<&SocketSettings::stop_pre>},
    {"FileDescriptorName", Support::kEnforced, &parse::DescriptorName},
    {"FlushPending", Support::kEnforced, &parse::Bool<&SocketSettings::flush_pending>},
    {"FreeBind", Support::kEnforced, &parse::Bool<&SocketSettings::free_bind>},
    {"IPTOS", Support::kEnforced, &parse::TypeOfService},
    {"IPTTL", Support::kEnforced, &parse::Integer<&SocketSettings::ip_ttl, 1, 255>},
    {"KeepAlive", Support::kEnforced, &parse::Bool<&SocketSettings::keep_alive>},
    {"KeepAliveIntervalSec", Support::kNotEnforced},
    {"KeepAliveProbes", Support::kNotEnforced},
    {"KeepAliveTimeSec", Support::kNotEnforced},
    {"ListenDatagram", Support::kEnforced, &parse::Listen, ArgumentOf(ListenKind::kDatagram)},
    {"ListenFIFO", Support::kEnforced, &parse::Listen, ArgumentOf(ListenKind::kFifo)},
    {"ListenMessageQueue", Support::kNotEnforced},
    {"ListenNetlink", Support::kEnforced, &parse::Listen, ArgumentOf(ListenKind::kNetlink)},
    {"ListenSequentialPacket", Support::kEnforced, &parse::Listen,
     ArgumentOf(ListenKind::kSequentialPacket)},
    {"ListenSpecial", Support::kEnforced, &parse::Listen, ArgumentOf(ListenKind::kSpecial)},
    {"ListenStream", Support::kEnforced, &parse::Listen, ArgumentOf(ListenKind::kStream)},
    {"ListenUSBFunction", Support::kNotEnforced},
    {"Mark", Support::kEnforced, &parse::Integer<&SocketSettings::mark, 0, 0x7fffffff>},
    {"MaxConnections", Support::kEnforced, &parse::Unsigned<&SocketSettings::max_connections>},
    {"MaxConnectionsPerSource", Support::kEnforced,
     &parse::Unsigned<&SocketSettings::max_connections_per_source>},
    {"MessageQueueMaxMessages", Support::kNotEnforced},
    {"MessageQueueMessageSize", Support::kNotEnforced},
    {"NoDelay", Support::kEnforced, &parse::Bool<&SocketSettings::no_delay>},
    {"PassCredentials", Support::kEnforced, &parse::Bool<&SocketSettings::pass_credentials>},
    {"PassFileDescriptorsToExec", Support::kNotEnforced},
    {"PassPacketInfo", Support::kNotEnforced},
    {"PassSecurity", Support::kEnforced, &parse::Bool<&SocketSettings::pass_security>},
    {"PipeSize", Support::kEnforced, &parse::Size<&SocketSettings::pipe_size>},
    {"PollLimitBurst", Support::kNotEnforced},
    {"PollLimitIntervalSec", Support::kNotEnforced},
    {"Priority", Support::kEnforced, &parse::Integer<&SocketSettings::priority, 0, 0x7fffffff>},
    {"ReceiveBuffer", Support::kEnforced, &parse::Size<&SocketSettings::receive_buffer>},
    {"RemoveOnStop", Support::kEnforced, &parse::Bool<&SocketSettings::remove_on_stop>},
    {"ReusePort", Support::kEnforced, &parse::Bool<&SocketSettings::reuse_port>},
    {"SELinuxContextFromNet", Support::kNotEnforced},
    {"SendBuffer", Support::kEnforced, &parse::Size<&SocketSettings::send_buffer>},
    {"Service", Support::kEnforced, &parse::SocketService},
    {"SmackLabel", Support::kNotEnforced},
    {"SmackLabelIPIn", Support::kNotEnforced},
    {"SmackLabelIPOut", Support::kNotEnforced},
    {"SocketGroup", Support::kEnforced, &parse::Text<&SocketSettings::group>},
    {"SocketMode", Support::kEnforced, &parse::Mode<&SocketSettings::mode>},
    {"SocketProtocol", Support::kNotEnforced},
    {"SocketUser", Support::kEnforced, &parse::Text<&SocketSettings::user>},
    {"Symlinks", Support::kEnforced, &parse::SocketSymlinks},
    {"TCPCongestion", Support::kNotEnforced},
    {"TimeoutSec", Support::kEnforced, &parse::SocketTimeout},
    {"Timestamping", Support::kNotEnforced},
    {"Transparent", Support::kEnforced, &parse::Bool<&SocketSettings::transparent>},
    {"TriggerLimitBurst", Support::kEnforced, &parse::TriggerBurst},
    {"TriggerLimitIntervalSec", Support::kEnforced, &parse::TriggerInterval},
    {"Writable", Support::kEnforced, &parse::Bool<&SocketSettings::writable>},
};
static_assert(IsSorted(kSocketRows));

constexpr Directive kTimerRows[] = {
    {"AccuracySec", Support::kEnforced, &parse::TimeSpan<&TimerSettings::accuracy>},
    {"DeferReactivation", Support::kNotEnforced},
    {"FixedRandomDelay", Support::kEnforced, &parse::Bool<&TimerSettings::fixed_random_delay>},
    {"OnActiveSec", Support::kEnforced, &parse::MonotonicRow, ArgumentOf(TimerBase::kActive)},
    {"OnBootSec", Support::kEnforced, &parse::MonotonicRow, ArgumentOf(TimerBase::kBoot)},
    {"OnCalendar", Support::kEnforced, &parse::CalendarRow},
    {"OnClockChange", Support::kEnforced, &parse::Bool<&TimerSettings::on_clock_change>},
    {"OnStartupSec", Support::kEnforced, &parse::MonotonicRow, ArgumentOf(TimerBase::kStartup)},
    {"OnTimezoneChange", Support::kEnforced, &parse::Bool<&TimerSettings::on_timezone_change>},
    {"OnUnitActiveSec", Support::kEnforced, &parse::MonotonicRow,
     ArgumentOf(TimerBase::kUnitActive)},
    {"OnUnitInactiveSec", Support::kEnforced, &parse::MonotonicRow,
     ArgumentOf(TimerBase::kUnitInactive)},
    {"Persistent", Support::kEnforced, &parse::Bool<&TimerSettings::persistent>},
    {"RandomizedDelaySec", Support::kEnforced, &parse::TimeSpan<&TimerSettings::randomized_delay>},
    {"RemainAfterElapse", Support::kEnforced, &parse::Bool<&TimerSettings::remain_after_elapse>},
    {"Unit", Support::kEnforced, &parse::TimerUnit},
    {"WakeSystem", Support::kNotEnforced, &parse::Bool<&TimerSettings::wake_system>},
};
static_assert(IsSorted(kTimerRows));

constexpr Directive kMountRows[] = {
    {"DirectoryMode", Support::kEnforced, &parse::Mode<&MountSettings::directory_mode>},
    {"ForceUnmount", Support::kEnforced, &parse::Bool<&MountSettings::force_unmount>},
    {"LazyUnmount", Support::kEnforced, &parse::Bool<&MountSettings::lazy_unmount>},
    {"Options", Support::kEnforced, &parse::Text<&MountSettings::options>},
    {"ReadWriteOnly", Support::kEnforced, &parse::Bool<&MountSettings::read_write_only>},
    {"SloppyOptions", Support::kNotEnforced, &parse::Bool<&MountSettings::sloppy_options>},
    {"TimeoutSec", Support::kEnforced, &parse::TimeSpan<&MountSettings::timeout>},
    {"Type", Support::kEnforced, &parse::Text<&MountSettings::type>},
    {"What", Support::kEnforced, &parse::Text<&MountSettings::what>},
    {"Where", Support::kEnforced, &parse::Path<&MountSettings::where>},
};
static_assert(IsSorted(kMountRows));

}  // namespace

constinit const std::span<const Directive> kSocketDirectives = kSocketRows;
constinit const std::span<const Directive> kTimerDirectives = kTimerRows;
constinit const std::span<const Directive> kMountDirectives = kMountRows;

}  // namespace inro::unit
