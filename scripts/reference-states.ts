/** The life of a mirror, printed from its own tables. */
import { MIRROR_EVENTS, nextState, PAUSES, RESTING_STATES } from '../src/mirror/life/state.ts'
import { code, tableOf } from './reference-table.ts'

export function renderStates(): string {
  const moves = RESTING_STATES.map((state) => [
    code(state),
    ...MIRROR_EVENTS.map((event) => {
      const next = nextState(state, event)
      return next === state ? '' : code(next)
    }),
  ])
  const pauses = Object.entries(PAUSES).map(([cause, { reason, endsWhen, remedy, isProbed }]) => [
    code(cause),
    reason,
    endsWhen,
    code(`kagami ${remedy}`),
    isProbed ? 'tried again, ever more seldom, at least hourly' : 'nothing runs',
  ])
  return `# States of a mirror

A mirror rests in one of these states; events move it, and an empty place changes nothing.

${tableOf(['Resting', ...MIRROR_EVENTS], moves)}

Beside that it may be paused, for several causes at once. Each is written in the transaction of what brings it about, and ends alone; when
the last one that rests the mirror has ended, it is due at once, for a full check.

${tableOf(['Cause', 'Reason', 'Until', 'To go on', 'Meanwhile'], pauses)}

What people see: \`stopped\` whatever else; \`paused\` while any cause holds; \`syncing\` during every run but the first; otherwise where it
rests. Each state is shown with its reason, since when, and the line that ends it.
`
}
