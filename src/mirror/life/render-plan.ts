import { MAX_PLAN_BYTES, type Plan, type PlanImage, type PlanItem } from '../../api/plans.ts'
import { saturate } from '../../lib/saturate.ts'
import { type PlanSubject, planIdOf } from '../pass/plan-images.ts'

/** A plan as the API shows it, cut to what one answer may have. */
export function renderPlan(o: {
  readonly subject: PlanSubject
  readonly images: readonly PlanImage[]
  readonly items: readonly PlanItem[]
  readonly totals: Readonly<Record<string, number>>
  readonly full: boolean
  readonly acceptShrink: boolean
  readonly forecast: Plan['forecast']
}): Plan {
  const { subject, images, full, acceptShrink, forecast } = o
  const items = o.items.map((one) => ({
    ...one,
    sizeBytes: one.sizeBytes === null ? null : saturate(one.sizeBytes),
  }))
  const [shownImages, shownItems] = [within(MAX_PLAN_BYTES, images), within(MAX_PLAN_BYTES, items)]
  return {
    id: planIdOf(subject, images),
    repository: subject.repository,
    source: subject.source,
    tags: subject.tags === null ? null : [...subject.tags],
    ...{ full, acceptShrink },
    images: shownImages,
    items: shownItems,
    totals: Object.fromEntries(Object.entries(o.totals).map(([name, total]) => [name, saturate(total)])),
    forecast,
    omitted: { images: images.length - shownImages.length, items: items.length - shownItems.length },
  }
}

/** The first of them that take no more than so many bytes as JSON (or characters: it is a bound, no measure). */
function within<T>(most: number, all: readonly T[]): T[] {
  let length = 0
  const end = all.findIndex((one) => {
    length += JSON.stringify(one).length + 1
    return length > most
  })
  return all.slice(0, end === -1 ? all.length : end)
}
