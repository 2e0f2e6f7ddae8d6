import { type Compliance, complianceSchema } from '../api/catalog.ts'

/** In the order in which they are shown. */
export const COMPLIANCE_ORDER: readonly Compliance[] = complianceSchema.options

export function joinCompliance(...lists: readonly (readonly Compliance[])[]): Compliance[] {
  const all = new Set(lists.flat())
  return COMPLIANCE_ORDER.filter((one) => all.has(one))
}
