#include "report/text_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "compare/feature.h"
#include "report/measure_row.h"

namespace inro::report {
namespace {

using compare::Cell;
using compare::Comparison;
using compare::GuestResult;

using Row = std::vector<std::string>;

// Header, feature rows, measure rows: what both formats print.
struct Grid {
  Row header;
  std::vector<Row> features;
  std::vector<Row> measures;
};

const Cell* FindCell(const GuestResult& guest, std::string_view id) {
  const auto cell = std::ranges::find(guest.cells, id, &Cell::feature);
  return cell == guest.cells.end() ? nullptr : &*cell;
}

std::string YesNo(const GuestResult& guest, std::string_view id) {
  const Cell* cell = FindCell(guest, id);
  if (cell == nullptr) return "not probed";
  return cell->yes ? "yes" : "no";
}

Grid MakeGrid(const Comparison& comparison) {
  Grid grid;
  grid.header = {"", "image 2019", "initrd 2019"};
  for (const auto& guest : comparison.guests) grid.header.push_back(GuestTitle(guest));
  for (const auto& feature : compare::Features()) {
    Row row = {std::string(feature.title), std::string(feature.image_then),
               std::string(feature.initrd_then)};
    for (const auto& guest : comparison.guests) row.push_back(YesNo(guest, feature.id));
    grid.features.push_back(std::move(row));
  }
  for (const auto& measure : MeasureRows()) {
    Row row = {std::string(measure.label), "", ""};
    for (const auto& guest : comparison.guests) row.push_back(measure.text(guest));
    grid.measures.push_back(std::move(row));
  }
  return grid;
}

std::string FloorLine(const Comparison& comparison) {
  const auto& floor = comparison.floor_ready_ms;
  return fmt::format(
      "Floor (same kernel and machine, an initrd with only a static PID 1 that answers the same "
      "check): {} ms ({}-{}, n={}). Readiness polled every {:.0f} ms. Machine: {}.",
      Grouped(floor.Median()), Grouped(floor.Min()), Grouped(floor.Max()), floor.n(),
      comparison.poll_interval_ms, comparison.machine);
}

std::string Coloured(const std::string& cell, std::size_t width, bool colour) {
  const std::string padded = fmt::format("{:<{}}", cell, width);
  if (!colour) return padded;
  if (cell == "yes") return "\033[32m" + padded + "\033[0m";
  if (cell == "no") return "\033[31m" + padded + "\033[0m";
  return padded;
}

std::string Trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::string TerminalReport(const Comparison& comparison, bool colour) {
  const Grid grid = MakeGrid(comparison);
  std::vector<std::size_t> widths(grid.header.size());
  const auto widen = [&](const Row& row) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  };
  widen(grid.header);
  std::ranges::for_each(grid.features, widen);
  std::ranges::for_each(grid.measures, widen);

  std::string text;
  const auto print = [&](const Row& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) line += Coloured(row[i], widths[i] + 2, colour);
    text += Trimmed(std::move(line));
  };
  std::string rule;
  for (const std::size_t width : widths) rule += std::string(width, '-') + "  ";
  print(grid.header);
  text += Trimmed(rule);
  std::ranges::for_each(grid.features, print);
  text += Trimmed(rule);
  std::ranges::for_each(grid.measures, print);
  text += "\n" + FloorLine(comparison) + "\n";
  for (const auto& guest : comparison.guests) {
    text += fmt::format("\nEvidence from {} ({}):\n", GuestTitle(guest), guest.artifact);
    for (const auto& cell : guest.cells) {
      text += fmt::format("  {:<11}{}: {}\n", cell.feature, cell.yes ? "yes" : "no", cell.evidence);
    }
  }
  return text;
}

std::string MarkdownReport(const Comparison& comparison) {
  const Grid grid = MakeGrid(comparison);
  const auto line = [](const Row& row, std::size_t skip) {
    std::string text = "|";
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i == 0 || i > skip) text += " " + row[i] + " |";
    }
    return text + "\n";
  };
  const auto rule = [](std::size_t columns) {
    std::string text = "|";
    for (std::size_t i = 0; i < columns; ++i) text += "---|";
    return text + "\n";
  };
  std::string text = line(grid.header, 0) + rule(grid.header.size());
  for (const auto& row : grid.features) text += line(row, 0);
  text += "\n" + line(grid.header, 2) + rule(grid.header.size() - 2);
  for (const auto& row : grid.measures) text += line(row, 2);
  text += "\n" + FloorLine(comparison) + "\n";
  for (const auto& guest : comparison.guests) {
    text += fmt::format("\nEvidence from {}:\n\n", GuestTitle(guest));
    for (const auto& cell : guest.cells) {
      text += fmt::format("- `{}` {}: {}\n", cell.feature, cell.yes ? "yes" : "no", cell.evidence);
    }
  }
  return text;
}

}  // namespace inro::report
