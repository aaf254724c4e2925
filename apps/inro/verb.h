// What a verb of the command line is: rows of options and a function. A file a verb; verbs.cc has
// the table.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "sys/interrupt.h"

namespace inro::cli {

// What a verb may use besides its own options.
struct Session {
  Progress& progress;
  sys::Interrupt* interrupt;  // nullptr where none is installed (tests)
  std::string program;        // path of this executable
};

// Where an option's value goes. A bool is a flag; a list takes the option several times.
using OptionTarget =
    std::variant<bool*, std::string*, std::optional<std::uint64_t>*, std::vector<std::string>*>;

struct Option {
  std::string names;  // "-o,--out", or "DEFINITION" for a positional one
  std::string value;  // what the help calls the value: "DIR"; empty for flags and positional ones
  OptionTarget target;
  std::string help;
  std::vector<std::string> choices = {};  // the only values
  bool required = false;
  std::string group = {};  // heading in the help
};

class Verb {
 public:
  virtual ~Verb() = default;
  virtual std::vector<Option> Options() = 0;
  // Gives the exit code. Data goes to stdout; an error is printed by the caller.
  virtual Result<int> Run(Session& session) = 0;
};

struct VerbRow {
  std::string_view name;
  std::string_view summary;
  std::string_view description;  // a paragraph for the verb's own help
  std::string_view examples;     // lines, indented by two spaces
  bool hidden;
  std::unique_ptr<Verb> (*make)();
  std::string (*more_help)() = nullptr;  // appended to the verb's help
};

// Writes all of `text` to stdout.
Result<> Print(std::string_view text);

}  // namespace inro::cli
