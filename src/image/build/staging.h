// Outputs that appear together: files are written into a folder beside their place and renamed into
// it when all of them are complete.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/file.h"
#include "sys/interrupt.h"

namespace inro::image {

class Staging {
 public:
  // `out_dir` is made when absent. With `interrupt`, Ctrl-C removes what is half-made.
  static Result<Staging> Create(const std::string& out_dir, sys::Interrupt* interrupt);

  // Writes a file that Publish will move to out_dir/NAME, mode 0644 whatever the umask.
  Result<> Write(const std::string& name, std::string_view bytes);
  // The same for a large file with holes: `fill` gets the path of a new, empty file.
  Result<> Make(const std::string& name, const std::function<Result<>(const std::string&)>& fill);

  // Renames every file into place, in the order of writing.
  Result<> Publish();

 private:
  Staging(std::string out_dir, sys::TempDir folder, sys::Interrupt::Registration registration)
      : out_dir_(std::move(out_dir)),
        registration_(std::move(registration)),
        folder_(std::move(folder)) {}

  std::string out_dir_;
  sys::Interrupt::Registration registration_;
  sys::TempDir folder_;
  std::vector<std::string> names_;
};

}  // namespace inro::image
