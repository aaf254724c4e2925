#include "guest/logs/intake.h"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <limits>

#include "guest/logs/agent_line.h"

namespace inro::guest::logs {
namespace {

std::uint64_t Microseconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1000;
}

}  // namespace

Stamp Stamp::Now() { return {Microseconds(CLOCK_REALTIME), Microseconds(CLOCK_MONOTONIC)}; }

void Intake::Take(Record record) {
  if (record.source != Source::kKernel && record.source != Source::kLogs) {
    const std::string_view sender = record.unit.empty() ? record.identifier : record.unit;
    const auto report = [this](std::string_view name, std::uint64_t dropped) {
      ReportDrops(name, dropped);
    };
    const RateLimit::Verdict verdict = limit_.Judge(sender, record.monotonic_us, report);
    if (verdict == RateLimit::Verdict::kDropFirst) changed_();
    if (verdict != RateLimit::Verdict::kTake || IsTooVerbose(record)) return;
    if (forwarder_ != nullptr) forwarder_->Forward(record);
    if (record.message.starts_with('{') && TakeAgentLine(record)) return;
  }
  Keep(record);
}

bool Intake::IsTooVerbose(const Record& record) {
  if (record.unit.empty()) return false;
  if (record.unit != last_level_.unit || record.monotonic_us >= last_level_.until_us) {
    constexpr std::uint64_t kKeptUs = 100'000;
    char level = 0;
    const std::string link = protocol::LogLevelLink(settings_.units_folder, record.unit);
    const bool limited = ::readlink(link.c_str(), &level, 1) == 1 && level >= '0' && level <= '7';
    last_level_ = {std::string(record.unit), limited ? level - '0' : kPriorityDebug,
                   record.monotonic_us + kKeptUs};
  }
  return record.priority > last_level_.level;
}

bool Intake::TakeAgentLine(const Record& record) {
  AgentLine line;
  if (!ParseAgentLine(record.message, line)) return false;
  if (line.of_agent && line.priority > settings_.agent_threshold) return true;
  Record merged = record;
  if (line.of_agent) merged.source = Source::kAgent;
  merged.message = line.message;
  merged.priority = line.priority;
  if (merged.pid == 0 || line.of_agent) merged.pid = line.pid != 0 ? line.pid : record.pid;
  if (!line.name.empty()) merged.identifier = line.name;
  // A line that came by the kernel's log has no sender but the one it names.
  if (merged.unit.empty()) {
    merged.unit = units_.Find(static_cast<pid_t>(merged.pid), record.monotonic_us);
  }
  // The way's own fields, when it had some, come after the line's.
  std::string fields = std::move(line.fields);
  std::string_view rest = record.fields;
  for (Field field; TakeField(rest, field);) AppendField(field, fields);
  merged.fields = fields;
  Keep(merged);
  return true;
}

void Intake::Keep(const Record& record) {
  if (record.message.size() > kMaxMessage) {
    Record cut = record;
    std::string fields(record.fields);
    const std::string size = std::to_string(record.message.size());
    if (fields.size() <= kMaxFields - 64) {
      AppendField({.name = "cut_from_bytes", .value = size, .raw = true}, fields);
    }
    cut.fields = fields;
    cut.message = record.message.substr(0, kMaxMessage);
    ring_.Append(cut);
  } else {
    ring_.Append(record);
  }
  changed_();
}

void Intake::Say(std::uint8_t priority, std::string_view message, std::string_view fields) {
  const Stamp now = Stamp::Now();
  Record record{.realtime_us = now.realtime_us,
                .monotonic_us = now.monotonic_us,
                .priority = priority,
                .source = Source::kLogs,
                .identifier = "inro-logs",
                .message = message,
                .fields = fields};
  Keep(record);
}

void Intake::ReportDrops(std::string_view sender, std::uint64_t dropped) {
  std::string fields;
  const std::string count = std::to_string(dropped);
  AppendField({.name = "lost", .value = count, .raw = true}, fields);
  AppendField({.name = "of", .value = sender}, fields);
  Say(kPriorityWarning,
      fmt::format("{} records of {} dropped: it logged more than {} in {} s", dropped,
                  sender.empty() ? "an unnamed sender" : sender, settings_.rate_burst,
                  RateLimit::kInterval / 1'000'000),
      fields);
}

std::uint64_t Intake::OnTime(std::uint64_t now_us) {
  limit_.OnTime(now_us, [this](std::string_view sender, std::uint64_t dropped) {
    ReportDrops(sender, dropped);
  });
  return limit_.NextDue();
}

void Intake::SayDrops() { OnTime(std::numeric_limits<std::uint64_t>::max()); }

}  // namespace inro::guest::logs
