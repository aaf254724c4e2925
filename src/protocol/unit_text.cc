#include "protocol/unit_text.h"

#include <algorithm>
#include <charconv>

namespace inro::protocol {
namespace {

// Takes what comes before the next `separator` off the front of a text.
std::string_view Take(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::vector<std::string_view> Columns(std::string_view line) {
  std::vector<std::string_view> columns;
  while (true) {
    const std::size_t tab = line.find('\t');
    columns.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return columns;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

void ForEachUnitRow(std::string_view table, const UnitVisitor& visit) {
  const std::vector<std::string_view> names = Columns(Take(table, '\n'));
  UnitFields fields;
  while (!table.empty()) {
    const std::vector<std::string_view> columns = Columns(Take(table, '\n'));
    if (columns.size() < names.size()) continue;
    fields.clear();
    for (std::size_t i = 0; i < names.size(); ++i) fields.push_back({names[i], columns[i]});
    visit(fields);
  }
}

void ForEachUnitBlock(std::string_view show, const UnitVisitor& visit) {
  UnitFields fields;
  while (!show.empty()) {
    const std::string_view line = Take(show, '\n');
    const std::size_t equals = line.find('=');
    if (equals != std::string_view::npos) {
      fields.push_back({line.substr(0, equals), line.substr(equals + 1)});
    }
    if (!line.empty() && !show.empty()) continue;
    if (!fields.empty()) visit(fields);
    fields.clear();
  }
}

std::uint64_t NumberOf(std::string_view value) {
  std::uint64_t number = 0;
  std::from_chars(value.data(), value.data() + value.size(), number);
  return number;
}

}  // namespace inro::protocol
