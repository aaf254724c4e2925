// The package inventory /var/lib/dpkg/status (deb-control(5)), so that scanners and dpkg-query see
// what the guest is made of.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "image/finish/rule.h"

namespace inro::image {

// One paragraph: the control file with "Status: install ok installed" after the package's name and
// Conffiles (path and MD5, as dpkg writes them) before the description.
std::string StatusParagraph(std::string_view control,
                            const std::map<std::string, std::string>& conffile_digests);

Result<> ApplyInventory(RuleContext& context);

}  // namespace inro::image
