// Writes what topics give out into folders of the running guest.
#pragma once

#include <string>

#include "guest/generate/generator.h"

namespace inro::guest::generate {

class FolderOutput final : public Output {
 public:
  // `units`: the generator's folder; `run`: "/run", another folder in tests.
  FolderOutput(std::string units, std::string run)
      : units_(std::move(units)), run_(std::move(run)) {}

  Result<> WriteUnit(std::string_view name, std::string_view text) override;
  Result<> Want(std::string_view target, std::string_view unit) override;
  Result<> Require(std::string_view target, std::string_view unit) override;
  Result<> WriteRunFile(std::string_view path, std::string_view text) override;

 private:
  // Writes FOLDER/PATH, its folders made.
  static Result<> Write(const std::string& folder, std::string_view path, std::string_view text);
  Result<> Link(std::string_view folder, std::string_view unit);

  const std::string units_;
  const std::string run_;
};

}  // namespace inro::guest::generate
