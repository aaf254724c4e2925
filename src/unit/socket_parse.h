// Parsers of the rows of systemd.socket(5) and systemd.timer(5). Private to the directive table.
#pragma once

#include "unit/directive_parse.h"

namespace inro::unit::parse {

inline constexpr Choice<BindIpv6Only> kBindIpv6Only[] = {
    {"default", BindIpv6Only::kDefault},
    {"both", BindIpv6Only::kBoth},
    {"ipv6-only", BindIpv6Only::kIpv6Only},
};

void Listen(DirectiveContext& context);  // the row's argument is a ListenKind
void TypeOfService(DirectiveContext& context);
void TriggerInterval(DirectiveContext& context);
void TriggerBurst(DirectiveContext& context);
void SocketService(DirectiveContext& context);
void SocketTimeout(DirectiveContext& context);
void SocketSymlinks(DirectiveContext& context);
void DescriptorName(DirectiveContext& context);

void MonotonicRow(DirectiveContext& context);  // the row's argument is a TimerBase
void CalendarRow(DirectiveContext& context);
void TimerUnit(DirectiveContext& context);

}  // namespace inro::unit::parse
