// A guest's console as lines: what the kernel, PID 1 and units print, cleaned for reading.
//
// The bytes come from the guest and can be anything. Terminal control is dropped, lines are cut at
// kConsoleLineLimit bytes, and only the last ones are held.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace inro::vmm {

inline constexpr std::size_t kConsoleLineLimit = 2048;

struct ConsoleLine {
  std::string text;  // without control characters and without the kernel's time stamp
  // The kernel's time stamp, since its start; absent on lines that user space printed.
  std::optional<std::chrono::microseconds> uptime;
};

// Cuts a byte stream into lines. Not thread-safe.
class ConsoleParser {
 public:
  // Calls `sink` for each complete line that is not empty.
  void Feed(std::string_view bytes, const std::function<void(const ConsoleLine&)>& sink);
  // The same for a last line without its newline.
  void Finish(const std::function<void(const ConsoleLine&)>& sink);

 private:
  void Take(char byte);
  void Emit(const std::function<void(const ConsoleLine&)>& sink);

  // Where the parser is in a terminal's control sequence: ESC, then CSI "[ ... final" or OSC
  // "] ... BEL".
  enum class Escape { kNone, kEscape, kCsi, kOsc } escape_ = Escape::kNone;
  std::string line_;
};

// Splits "[   12.345678] text" (with printk's optional caller id "[T1]") into time and text.
ConsoleLine SplitTimeStamp(std::string_view line);

}  // namespace inro::vmm
