#include "unit/unit.h"

namespace inro::unit {

ServiceType ServiceSettings::EffectiveType() const {
  if (type) return *type;
  if (!bus_name.empty()) return ServiceType::kDbus;
  return start.empty() ? ServiceType::kOneshot : ServiceType::kSimple;
}

}  // namespace inro::unit
