// Where long work reports how far it is. The CLI shows it; libraries only call it.
#pragma once

#include <cstdint>
#include <string_view>

namespace inro {

// Called from one thread at a time.
class Progress {
 public:
  virtual ~Progress() = default;
  // A named step begins ("fetch packages"); the previous step is finished.
  virtual void Step(std::string_view name) = 0;
  // How far the current step is. `total` 0: unknown. `unit` is "B" for bytes, else a plural noun.
  virtual void Update(std::uint64_t done, std::uint64_t total, std::string_view unit) = 0;
  // One line that stays visible (a warning or a notice for the user).
  virtual void Note(std::string_view line) = 0;
};

// Says nothing.
class SilentProgress final : public Progress {
 public:
  void Step(std::string_view) override {}
  void Update(std::uint64_t, std::uint64_t, std::string_view) override {}
  void Note(std::string_view) override {}
};

}  // namespace inro
