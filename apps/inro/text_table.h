// Columns of text for a terminal: as wide as their widest cell, two spaces between.
#pragma once

#include <string>
#include <vector>

namespace inro::cli {

class TextTable {
 public:
  explicit TextTable(std::vector<std::string> heads) : rows_{std::move(heads)} {}
  // As many cells as there are heads.
  void AddRow(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  // Lines without blanks at their ends.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace inro::cli
