// The rows of the table: the features of the 2019 comparison of guest forms, and what each form
// could do then. Declared once; the probes, the reports and the README follow this order.
#pragma once

#include <span>
#include <string_view>

namespace inro::compare {

struct Feature {
  std::string_view id;
  std::string_view title;
  std::string_view image_then;   // 2019, rootfs image with systemd
  std::string_view initrd_then;  // 2019, initrd with the agent as init
};

std::span<const Feature> Features();

}  // namespace inro::compare
