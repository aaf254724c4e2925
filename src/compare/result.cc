#include "compare/result.h"

#include <algorithm>

namespace inro::compare {

double Samples::Median() const {
  if (values.empty()) return 0;
  std::vector<double> sorted = values;
  std::ranges::sort(sorted);
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double Samples::Min() const { return values.empty() ? 0 : *std::ranges::min_element(values); }

double Samples::Max() const { return values.empty() ? 0 : *std::ranges::max_element(values); }

}  // namespace inro::compare
