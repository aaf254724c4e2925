// Shows progress on a terminal as one line that is updated, elsewhere as plain lines.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/progress.h"

namespace inro::cli {

// A step is shown with how far it is and how long it took: "fetch packages: 42.0 of 42.0 MB, 1.3
// s". On a terminal at most ten times a second; elsewhere when the step begins, every five seconds,
// and when it ends.
class ProgressLine final : public Progress {
 public:
  ProgressLine(int fd, bool terminal);
  ~ProgressLine() override;
  // An empty name only finishes the step before.
  void Step(std::string_view name) override;
  void Update(std::uint64_t done, std::uint64_t total, std::string_view unit) override;
  void Note(std::string_view line) override;
  // The last step is finished.
  void Finish();

 private:
  using Clock = std::chrono::steady_clock;
  void Write(std::string_view text);
  void Draw();
  std::string Amount() const;
  double Seconds() const;

  int fd_;
  bool terminal_;
  std::string step_;
  std::uint64_t done_ = 0;
  std::uint64_t total_ = 0;
  std::string unit_;
  bool line_open_ = false;  // text stands on the current line
  Clock::time_point began_;
  Clock::time_point drawn_;
};

// "42.0 of 50.3 MB", "12 of 96 packages", "1,234 files"; empty when nothing is known.
std::string ProgressAmount(std::uint64_t done, std::uint64_t total, std::string_view unit);

}  // namespace inro::cli
