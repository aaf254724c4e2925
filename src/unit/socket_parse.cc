#include "unit/socket_parse.h"

#include <arpa/inet.h>

#include <algorithm>

namespace inro::unit::parse {
namespace {

bool IsPort(std::string_view text) {
  const auto port = ParseNumber<unsigned>(text);
  return port && *port > 0 && *port < 65536;
}

bool IsAddress(int family, std::string_view text) {
  std::array<unsigned char, 16> bytes{};
  return ::inet_pton(family, std::string(text).c_str(), bytes.data()) == 1;
}

// Whether the text is one of the forms that ListenStream= and its kin take; "" or what is wrong.
std::string_view WhatIsWrong(ListenKind kind, std::string_view text) {
  if (text.empty()) return "an address is expected";
  if (kind == ListenKind::kNetlink) return "";
  if (text.front() == '/') return text.size() > 107 ? "the path is over 107 bytes" : "";
  if (kind == ListenKind::kFifo || kind == ListenKind::kSpecial) {
    return "an absolute path is expected";
  }
  if (text.front() == '@') {
    return text.size() < 2 || text.size() > 108 ? "an abstract name of 1 to 107 bytes is expected"
                                                : "";
  }
  if (text.starts_with("vsock")) {
    // "vsock:CID:PORT", and "vsock-stream:" and its kin, with an optional CID.
    const std::size_t first = text.find(':');
    const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
    if (second == std::string_view::npos) return "expected vsock:CID:PORT";
    const std::string_view cid = text.substr(first + 1, second - first - 1);
    if ((!cid.empty() && !ParseNumber<std::uint32_t>(cid)) ||
        !ParseNumber<std::uint32_t>(text.substr(second + 1))) {
      return "expected vsock:CID:PORT";
    }
    return "";
  }
  if (IsPort(text)) return "";
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !IsPort(text.substr(colon + 1))) {
    return "expected a path, @NAME, PORT, IPV4:PORT, [IPV6]:PORT or vsock:CID:PORT";
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    return IsAddress(AF_INET6, host.substr(0, host.find('%'))) ? "" : "the IPv6 address is wrong";
  }
  return IsAddress(AF_INET, host) ? "" : "the IPv4 address is wrong";
}

}  // namespace

void Listen(DirectiveContext& context) {
  auto& list = context.unit.socket->listen;
  if (context.value.empty()) {
    list.clear();
    return;
  }
  const auto kind = static_cast<ListenKind>(context.row.argument);
  ListenSetting setting{kind, ""};
  if (!Expand(context, context.value, setting.address)) return;
  if (setting.address.starts_with('/')) setting.address = CleanPath(setting.address);
  if (const std::string_view wrong = WhatIsWrong(kind, setting.address); !wrong.empty()) {
    context.problem = wrong;
    return;
  }
  if (list.size() < kMaxList) list.push_back(std::move(setting));
}

void TypeOfService(DirectiveContext& context) {
  constexpr Choice<int> kTypes[] = {
      {"low-delay", 0x10}, {"throughput", 0x08}, {"reliability", 0x04}, {"low-cost", 0x02}};
  for (const auto& row : kTypes) {
    if (row.word == context.value) {
      context.unit.socket->ip_tos = row.value;
      return;
    }
  }
  IntegerInto(context, context.unit.socket->ip_tos, 0, 255);
}

void TriggerInterval(DirectiveContext& context) {
  Microseconds span{};
  TimeSpanInto(context, span);
  if (context.problem.empty()) context.unit.socket->trigger_interval = span;
}

void TriggerBurst(DirectiveContext& context) {
  unsigned burst = 0;
  UnsignedInto(context, burst);
  if (context.problem.empty()) context.unit.socket->trigger_burst = burst;
}

void SocketService(DirectiveContext& context) {
  std::string name;
  if (!Expand(context, context.value, name)) return;
  if (!name.empty() && KindOf(name) != UnitKind::kService) {
    context.problem = "the name of a service is expected";
    return;
  }
  context.unit.socket->service = std::move(name);
}

void SocketTimeout(DirectiveContext& context) {
  Microseconds& timeout = context.unit.socket->timeout;
  TimeSpanInto(context, timeout);
  if (context.problem.empty() && timeout.count() == 0) timeout = kForever;
}

void SocketSymlinks(DirectiveContext& context) {
  auto& links = context.unit.socket->symlinks;
  WordsInto(context, links);
  const std::size_t before = links.size();
  std::erase_if(links, [](const std::string& path) { return !path.starts_with('/'); });
  if (links.size() != before) context.problem = "absolute paths are expected";
}

void DescriptorName(DirectiveContext& context) {
  std::string name;
  if (!Expand(context, context.value, name)) return;
  const bool clean = name.size() <= 255 && std::ranges::all_of(name, [](char c) {
                       return c > ' ' && c < 127 && c != ':';
                     });
  if (clean) {
    context.unit.socket->fd_name = std::move(name);
  } else {
    context.problem = "at most 255 printable bytes without a colon are expected";
  }
}

void MonotonicRow(DirectiveContext& context) {
  TimerSettings& timer = *context.unit.timer;
  if (context.value.empty()) {  // resets all kinds of timers
    timer.monotonic.clear();
    timer.calendar.clear();
    timer.on_clock_change = timer.on_timezone_change = false;
    return;
  }
  std::string text;
  if (!Expand(context, context.value, text)) return;
  const auto span = ParseTimeSpan(text);
  if (!span) {
    context.problem = "a time span is expected, for example 15min";
    return;
  }
  if (timer.monotonic.size() < kMaxList) {
    timer.monotonic.push_back({static_cast<TimerBase>(context.row.argument), *span});
  }
}

void CalendarRow(DirectiveContext& context) {
  TimerSettings& timer = *context.unit.timer;
  if (context.value.empty()) {
    MonotonicRow(context);
    return;
  }
  std::string text;
  if (!Expand(context, context.value, text)) return;
  auto event = ParseCalendarEvent(text);
  if (!event) {
    context.problem = event.error().ToString();
    return;
  }
  if (timer.calendar.size() < kMaxList) timer.calendar.push_back(std::move(*event));
}

void TimerUnit(DirectiveContext& context) {
  std::string name;
  if (!Expand(context, context.value, name)) return;
  const auto kind = KindOf(name);
  if (!name.empty() && (!kind || kind == UnitKind::kTimer)) {
    context.problem = "the name of a unit that is no timer is expected";
    return;
  }
  context.unit.timer->unit = std::move(name);
}

}  // namespace inro::unit::parse
