// Debian's suites by name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace inro::image {

struct Suite {
  std::string_view name;
  bool released;  // has NAME-updates and NAME-security
};

// Of the table, or nullptr: a suite of another archive is possible.
const Suite* FindSuite(std::string_view name);

std::vector<std::string> SuiteNames();

}  // namespace inro::image
