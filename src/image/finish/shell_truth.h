// What conditions of a maintainer script say at a first installation, in three-valued logic.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

enum class Truth { kFalse, kTrue, kUnknown };

Truth Not(Truth value);
Truth And(Truth a, Truth b);
Truth Or(Truth a, Truth b);

// False when the text still holds an expansion that was not decided.
bool IsKnown(std::string_view text);

// The exit status of `[ ... ]`, `test`, `true`, `false` and `dpkg --compare-versions` where it can
// be told from the words; kUnknown for all else. No system runs: /run/systemd/system does not
// exist.
Truth EvaluateCommand(const std::vector<std::string>& words);

}  // namespace inro::image
