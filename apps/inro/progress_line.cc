#include "progress_line.h"

#include <fmt/format.h>

#include "sys/file.h"

namespace inro::cli {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval{100};
constexpr std::chrono::seconds kPlainInterval{5};

}  // namespace

std::string ProgressAmount(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  if (unit.empty() || (done == 0 && total == 0)) return "";
  if (unit == "B") {
    const double megabytes = static_cast<double>(done) / 1e6;
    if (total == 0) return fmt::format("{:.1f} MB", megabytes);
    return fmt::format("{:.1f} of {:.1f} MB", megabytes, static_cast<double>(total) / 1e6);
  }
  if (total == 0) return fmt::format("{} {}", done, unit);
  return fmt::format("{} of {} {}", done, total, unit);
}

ProgressLine::ProgressLine(int fd, bool terminal) : fd_(fd), terminal_(terminal) {}

ProgressLine::~ProgressLine() { Finish(); }

void ProgressLine::Write(std::string_view text) {
  // Progress that cannot be shown is no reason to stop.
  [[maybe_unused]] const auto written = sys::WriteAll(fd_, text, "stderr");
}

std::string ProgressLine::Amount() const {
  const std::string amount = ProgressAmount(done_, total_, unit_);
  return amount.empty() ? "" : fmt::format(" {},", amount);
}

double ProgressLine::Seconds() const {
  return std::chrono::duration<double>(Clock::now() - began_).count();
}

void ProgressLine::Step(std::string_view name) {
  Finish();
  if (name.empty()) return;
  step_ = name;
  done_ = total_ = 0;
  unit_.clear();
  began_ = drawn_ = Clock::now();
  Write(fmt::format("{}...", step_));
  line_open_ = true;
}

void ProgressLine::Update(std::uint64_t done, std::uint64_t total, std::string_view unit) {
  done_ = done;
  total_ = total;
  unit_ = unit;
  const auto now = Clock::now();
  if (terminal_ ? now - drawn_ < kTerminalInterval : now - drawn_ < kPlainInterval) return;
  drawn_ = now;
  Draw();
}

void ProgressLine::Draw() {
  if (step_.empty()) return;
  if (terminal_) {
    Write(fmt::format("\r\x1b[K{}:{} {:.0f} s", step_, Amount(), Seconds()));
  } else {
    Write(fmt::format("{}{}:{} {:.0f} s", line_open_ ? "\n" : "", step_, Amount(), Seconds()));
  }
  line_open_ = true;
}

void ProgressLine::Note(std::string_view line) {
  if (line_open_) Write(terminal_ ? "\r\x1b[K" : "\n");
  line_open_ = false;
  Write(fmt::format("{}\n", line));
}

void ProgressLine::Finish() {
  if (step_.empty()) return;
  // The line that says that the step began becomes the one that says how it ended.
  const std::string end = fmt::format("{} {:.1f} s\n", Amount(), Seconds());
  if (terminal_) {
    Write(fmt::format("\r\x1b[K{}:{}", step_, end));
  } else if (line_open_) {
    Write(end);
  } else {
    Write(fmt::format("{}:{}", step_, end));
  }
  line_open_ = false;
  step_.clear();
}

}  // namespace inro::cli
