#include "image/source/suites.h"

#include <array>

namespace inro::image {
namespace {

constexpr std::array<Suite, 11> kSuites = {{
    {"bullseye", true},
    {"bookworm", true},
    {"trixie", true},
    {"forky", false},
    {"sid", false},
    {"oldoldstable", true},
    {"oldstable", true},
    {"stable", true},
    {"testing", false},
    {"unstable", false},
    {"experimental", false},
}};

}  // namespace

const Suite* FindSuite(std::string_view name) {
  for (const Suite& suite : kSuites) {
    if (suite.name == name) return &suite;
  }
  return nullptr;
}

std::vector<std::string> SuiteNames() {
  std::vector<std::string> names;
  for (const Suite& suite : kSuites) names.emplace_back(suite.name);
  return names;
}

}  // namespace inro::image
