/** Plans as people read them, and as files. */
import { stat } from 'node:fs/promises'
import { MAX_PLAN_BYTES, type Plan, type PlanImage, type PlanReference, planAnswerSchema } from '../api/plans.ts'
import { AppError, messageOf } from '../errors.ts'
import { forecastText } from './budget-text.ts'
import { count, shortDigest, size } from './format.ts'
import { blocks, lines, table } from './table.ts'

const SHOWN_TAGS = 4
const SHOWN_PLATFORMS = 4
const SHOWN_SKIPS = 10
/** Images and items, each within bounds, indented as `--json` prints them. */
const MAX_FILE_BYTES = 4 * MAX_PLAN_BYTES

/** One line an image, and what it comes to. */
export function planText(plan: Plan): string {
  const { images } = plan
  const rows = images.map((image) => [
    shortDigest(image.digest),
    image.action,
    some(tagsOf(image), SHOWN_TAGS),
    some(image.platforms, SHOWN_PLATFORMS),
    String(image.attestations),
    size(image.sizeBytes),
    String(image.requests),
    image.reason ?? '',
  ])
  const headings = ['image', 'action', 'tags', 'platforms', 'attestations', 'size', 'requests', 'why not']
  const steps = rows.length === 0 ? '' : table(headings, rows, '')
  return blocks([
    steps,
    lines([...omittedLines(plan, 'images'), ...skipLines(plan), sentenceOf(plan), ...allowanceLines(plan)]),
  ])
}

/** Each step of the plan with its reason. */
export function planItemsText(plan: Plan): string {
  const totals = Object.entries(plan.totals).map(([name, number]) =>
    name.endsWith('Bytes') ? `${name.slice(0, -5)} ${size(number)}` : `${name} ${number}`,
  )
  const rows = plan.items.map((item) => [
    item.action,
    item.tag ?? '-',
    item.digest === null ? '-' : shortDigest(item.digest),
    item.sizeBytes === null ? '-' : size(item.sizeBytes),
    item.origin,
    item.reason,
  ])
  const steps = table(['action', 'tag', 'digest', 'size', 'origin', 'reason'], rows, 'Nothing to do.')
  return `${steps}\n\n${lines([...omittedLines(plan, 'items'), totals.join(', '), sentenceOf(plan), ...allowanceLines(plan)])}`
}

function tagsOf({ action, tags }: PlanImage): string[] {
  const told = tags.filter((one) => action === 'publish' || one.action !== 'keep')
  return (told.length === 0 ? tags : told).map(({ tag }) => tag)
}

function some(words: readonly string[], most: number): string {
  if (words.length === 0) return '-'
  const more = words.length - most
  return `${words.slice(0, most).join(', ')}${more > 0 ? ` +${more}` : ''}`
}

function omittedLines({ omitted }: Plan, what: 'images' | 'items'): string[] {
  return omitted[what] === 0 ? [] : [`… and ${omitted[what]} more ${what}; the sums are of all.`]
}

/** Tags that are left as they are and stand in no image above. */
function skipLines({ images, items }: Plan): string[] {
  const told = new Set(images.flatMap(({ tags }) => tags.map(({ tag }) => tag)))
  const skips = items.filter(
    ({ action, tag }) => (action === 'skip' || action === 'hold') && tag !== null && !told.has(tag),
  )
  const more = skips.length - SHOWN_SKIPS
  return [
    ...skips.slice(0, SHOWN_SKIPS).map(({ action, tag, reason }) => `${action} ${tag}: ${reason}`),
    ...(more > 0 ? [`… and ${more} more; --verbose lists them`] : []),
  ]
}

/** Where a registry tells what is left. */
function allowanceLines({ forecast }: Plan): string[] {
  const isTold = forecast.left !== null || (forecast.referrers !== null && forecast.referrers.left !== null)
  return isTold ? [forecastText(forecast)] : []
}

/** `5 images with 12 tags and 40 attestations would be fetched, 310 MB in about 420 requests; 900 tags are in step.` */
function sentenceOf({ images, omitted, totals }: Plan): string {
  const of = (name: string) => totals[name] ?? 0
  const todo = images.filter(({ action }) => action === 'fetch' || action === 'publish').length + omitted.images
  const what = `${count(todo, 'image')} with ${count(of('tagsMoved'), 'tag')} and ${count(of('referrers'), 'attestation')}`
  const cost = `${size(of('sizeBytes'))} in about ${count(of('requests'), 'request')}`
  const are = (number: number, rest: string) =>
    number === 0 ? [] : [`${count(number, 'tag')} ${number === 1 ? 'is' : 'are'} ${rest}`]
  const rest = [
    ...are(of('tagsUnchanged'), 'in step'),
    ...are(of('tagsFailed') + of('tagsHeld'), 'held back'),
    ...are(of('tagsSkipped'), 'left to people'),
    ...are(of('tagsUnselected'), 'not selected'),
    ...are(of('tagsUntagged'), 'to be untagged'),
    ...are(of('tagsRetained'), 'gone at upstream and kept here'),
  ]
  const unlinked = of('referrersUnlinked')
  if (unlinked > 0) rest.push(`${count(unlinked, 'attestation')} ${unlinked === 1 ? 'is' : 'are'} to be unlinked`)
  const first = todo === 0 ? 'Nothing would be fetched' : `${what} would be fetched, ${cost}`
  return `${[first, ...rest].join('; ')}.`
}

/** The document of `--dry-run --json`. @throws AppError INVALID_REQUEST */
export async function readPlanFile(path: string): Promise<Plan> {
  const refuse = (why: string, cause?: unknown) => new AppError('INVALID_REQUEST', `--plan ${path} ${why}`, { cause })
  const bytes = await stat(path).then(
    (found) => found.size,
    (error) => {
      throw refuse(`cannot be read: ${messageOf(error)}`, error)
    },
  )
  if (bytes > MAX_FILE_BYTES) throw refuse(`has ${bytes} bytes, want at most ${MAX_FILE_BYTES}`)
  let value: unknown
  try {
    value = JSON.parse(await Bun.file(path).text())
  } catch (error) {
    throw refuse(`is no JSON: ${messageOf(error)}`, error)
  }
  const parsed = planAnswerSchema.safeParse(value)
  if (parsed.success) return parsed.data.plan
  const [issue] = parsed.error.issues
  const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `
  throw refuse(`is no plan, want the document of --dry-run --json: ${where}${issue?.message ?? 'not valid'}`)
}

/** As the API takes it. The id alone decides; images are for naming what differs, as far as there is room for them. */
export function referenceTo({ id, images, omitted }: Plan): PlanReference {
  const short = images.map(({ digest, fingerprint, tags }) => ({ digest, fingerprint, tags }))
  const fits = omitted.images === 0 && Buffer.byteLength(JSON.stringify(short)) <= MAX_PLAN_BYTES
  return fits ? { id, images: short } : { id }
}
