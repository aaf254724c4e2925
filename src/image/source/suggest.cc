#include "image/source/suggest.h"

#include <algorithm>
#include <tuple>

#include "base/nearest.h"
#include "base/result.h"

namespace inro::image {
std::vector<std::string> CloseMatches(std::string_view wrong, const std::vector<std::string>& names,
                                      std::size_t limit) {
  constexpr std::size_t kFar = 1000;  // sorts names that merely contain the word after near ones
  const std::size_t most = std::max<std::size_t>(1, wrong.size() / 3);
  std::vector<std::tuple<std::size_t, std::string_view>> found;
  for (const std::string& name : names) {
    const std::size_t gap =
        name.size() > wrong.size() ? name.size() - wrong.size() : wrong.size() - name.size();
    std::size_t distance = kFar;
    if (gap <= most) distance = EditDistance(wrong, name);
    if (distance > most) {
      const bool contains = wrong.size() >= 3 && name.find(wrong) != std::string::npos;
      if (!contains) continue;
      distance = kFar + gap;
    }
    found.emplace_back(distance, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> result;
  for (const auto& [distance, name] : found) {
    if (result.size() == limit) break;
    if (std::find(result.begin(), result.end(), name) == result.end()) result.emplace_back(name);
  }
  return result;
}

std::string DidYouMean(std::string_view wrong, const std::vector<std::string>& names) {
  const std::vector<std::string> close = CloseMatches(wrong, names);
  if (close.empty()) return "";
  std::string text = close[0];
  for (std::size_t i = 1; i < close.size(); ++i) {
    text += (i + 1 == close.size() ? " or " : ", ") + close[i];
  }
  return fmt::format("; did you mean {}?", text);
}

}  // namespace inro::image
