/** Deletes tags, told before what that frees and what keeps their content. */
import { List, Stack, Text } from '@mantine/core'
import type { TagsDeleted } from '../../api/tags.ts'
import { useChange } from '../api/client.ts'
import { deleteTags, useDeletionPlan } from '../api/tags.ts'
import { bytes, number } from '../format/sizes.ts'
import { date } from '../format/times.ts'
import { Confirm } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { Failure, Rows } from '../shell/parts.tsx'
import { Original } from '../shell/said.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

const SHOWN_TAGS = 8

export function DeleteTagsDialog(o: {
  readonly repository: string
  readonly tags: readonly string[]
  readonly onClose: () => void
  readonly onDone: () => void
}) {
  const { text, language } = useSpeech()
  const tell = useTell()
  const plan = useDeletionPlan(o.repository, o.tags)
  const going = plan.data?.tags.filter(({ refused }) => refused === null) ?? []
  const remove = useChange(
    () =>
      deleteTags(
        o.repository,
        going.map(({ name }) => name),
      ),
    () => {
      tell(text.deletion.done(number(going.length, language)))
      o.onDone()
    },
  )
  return (
    <Confirm
      title={text.deletion.title(number(o.tags.length, language))}
      action={text.deletion.submit(number(going.length, language))}
      change={remove}
      isDisabled={going.length === 0}
      onClose={o.onClose}
    >
      {plan.isError ? (
        <Failure error={plan.error} retry={() => void plan.refetch()} />
      ) : plan.data === undefined ? (
        <Rows count={3} />
      ) : (
        <What plan={plan.data} />
      )}
    </Confirm>
  )
}

function What({ plan }: { readonly plan: TagsDeleted }) {
  const { text, said, language } = useSpeech()
  const going = plan.tags.filter(({ refused }) => refused === null)
  const kept = plan.tags.filter(({ refused }) => refused !== null)
  const held = going.filter(({ holders }) => holders > 0)
  const { sizeBytes, isPartial } = plan.frees
  const more = going.length - SHOWN_TAGS
  return (
    <Stack gap="sm">
      <Text style={{ overflowWrap: 'anywhere' }}>
        {going
          .slice(0, SHOWN_TAGS)
          .map(({ name }) => name)
          .join(', ')}
        {more > 0 ? ` ${text.tags.more(more)}` : ''}
      </Text>
      <List size="sm" spacing={4}>
        <List.Item>
          {sizeBytes === 0
            ? text.deletion.freesNothing
            : text.deletion.frees(`${isPartial ? '≥ ' : ''}${bytes(sizeBytes, language)}`)}
        </List.Item>
        {held.slice(0, SHOWN_TAGS).map(({ name, heldBy, holders }) => (
          <List.Item key={name}>
            {text.deletion.held(name, heldBy.join(', '), number(Math.max(0, holders - heldBy.length), language))}
          </List.Item>
        ))}
        <List.Item>{text.deletion.kept(date(plan.keptUntil, language))}</List.Item>
        {going.some(({ mirrored }) => mirrored) ? <List.Item>{text.deletion.mirror}</List.Item> : null}
      </List>
      {kept.map(({ name, refused }) => (
        <div key={name}>
          <MayNot>{text.deletion.refused(name, said?.kept ?? refused ?? '')}</MayNot>
          {said === undefined || refused === null ? null : <Original>{refused}</Original>}
        </div>
      ))}
    </Stack>
  )
}
