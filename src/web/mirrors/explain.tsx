/** Why a tag is, or is not, here: of one that is asked for, and of all that are not simply in step. */
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { TagExplanation, TagState } from '../../api/explain.ts'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { useExplanation } from '../api/mirrors.ts'
import { releaseTag } from '../api/tags.ts'
import { number, withShortDigests } from '../format/sizes.ts'
import { useRepositorySearch } from '../repositories/use-repository-search.ts'
import { Digest, Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Status, type Tone } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import type { Text as Words } from '../text/en/index.ts'
import { useSpeech } from '../text/language.tsx'
import { ServerWords } from './why.tsx'

const TONES: Readonly<Record<TagState, Tone>> = {
  synced: 'good',
  pending: 'working',
  failed: 'broken',
  held: 'held',
  excluded: 'quiet',
  diverged: 'held',
  pinned: 'quiet',
  immutable: 'quiet',
  unselected: 'quiet',
  retained: 'quiet',
  absent: 'quiet',
}

interface Props {
  readonly mirror: Mirror
  readonly mayRelease: boolean
}

export function Explain(o: Props) {
  const { text } = useSpeech()
  const [{ explain }, change] = useRepositorySearch()
  const [typed, setTyped] = useState(explain ?? '')
  const submit = (event: FormEvent) => {
    event.preventDefault()
    change({ explain: typed.trim() })
  }
  return (
    <Section title={text.explain.title} lead={text.explain.lead}>
      <form onSubmit={submit}>
        <Group gap="xs" align="flex-end">
          <TextInput
            label={text.explain.tag}
            value={typed}
            onChange={(event) => setTyped(event.currentTarget.value)}
            spellCheck={false}
            autoComplete="off"
            w={{ base: '100%', xs: 280 }}
          />
          <Button type="submit" variant="default">
            {text.explain.ask}
          </Button>
          {explain === undefined ? null : (
            <Button
              variant="subtle"
              onClick={() => {
                setTyped('')
                change({ explain: undefined })
              }}
            >
              {text.explain.all}
            </Button>
          )}
        </Group>
      </form>
      <Explained key={explain ?? ''} tag={explain} {...o} />
    </Section>
  )
}

function Explained({ tag, ...o }: Props & { readonly tag: string | undefined }) {
  const { text, language } = useSpeech()
  const found = useExplanation(o.mirror.repository, tag)
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Rows count={2} />
  const isCopying = o.mirror.lastRun?.outcome === 'running' && tag === undefined
  const shown = isCopying ? found.data.tags.filter(({ state }) => state !== 'pending') : found.data.tags
  const copied = found.data.tags.length - shown.length
  const { state } = o.mirror
  if (found.data.tags.length === 0) {
    const isAtRest = state === 'paused' || state === 'stopped'
    return <Text c="dimmed">{isAtRest ? text.explain.atRest[state] : text.explain.allInStep}</Text>
  }
  const copying = copied === 0 ? null : <Text c="dimmed">{text.explain.copying(number(copied, language))}</Text>
  if (shown.length === 0) return copying
  return (
    <>
      {copying}
      <Table.ScrollContainer minWidth={720}>
        <Table verticalSpacing="xs" aria-label={text.explain.title}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{text.tags.columns.name}</Table.Th>
              <Table.Th>{text.explain.state}</Table.Th>
              <Table.Th>{text.explain.why}</Table.Th>
              <Table.Th>{text.explain.here}</Table.Th>
              <Table.Th>{text.explain.there}</Table.Th>
              {o.mayRelease ? <Table.Th /> : null}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {shown.map((one) => (
              <Row key={one.name} explanation={one} {...o} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {found.data.next === null ? null : <Text size="sm">{text.explain.thereIsMore}</Text>}
    </>
  )
}

/** In the page's words, by what the server tells as codes. */
function whyTag({ state, local, checkedAt }: TagExplanation, mirror: Mirror, text: Words): string {
  const words = text.explain
  if (state === 'pending') {
    if (mirror.state === 'paused') return words.waitsPaused
    if (mirror.state === 'stopped') return words.waitsStopped
    return mirror.lastRun?.outcome === 'running' ? words.beingCopied : words.reasons.pending
  }
  if (state === 'absent') {
    if (checkedAt === null) return words.notAsked
    if (local !== null) return mirror.whims.vanished === 'untag' ? words.keptForNow : words.kept
  }
  return words.reasons[state]
}

function Row({ explanation, mirror, mayRelease }: Props & { readonly explanation: TagExplanation }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { name, state, reason, next, local, upstream } = explanation
  const release = useChange(
    () => releaseTag(mirror.repository, name, state === 'diverged'),
    () => tell(text.history.released),
  )
  const canRelease = mayRelease && ['excluded', 'diverged', 'pinned'].includes(state)
  return (
    <Table.Tr>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>{name}</Table.Td>
      <Table.Td>
        <Status tone={TONES[state]}>{text.explain.states[state]}</Status>
      </Table.Td>
      <Table.Td>
        <Stack gap={2}>
          <Text size="sm">{whyTag(explanation, mirror, text)}</Text>
          <ServerWords>{[withShortDigests(reason), next]}</ServerWords>
          {release.isError ? <Failure error={release.error} /> : null}
        </Stack>
      </Table.Td>
      <Table.Td>{local === null ? '–' : <Digest digest={local} />}</Table.Td>
      <Table.Td>{upstream === null ? '–' : <Digest digest={upstream} />}</Table.Td>
      {mayRelease ? (
        <Table.Td ta="right">
          {canRelease ? (
            <Button
              size="compact-xs"
              variant="default"
              loading={release.isPending}
              onClick={() => release.mutate(undefined)}
            >
              {text.history.release}
            </Button>
          ) : null}
        </Table.Td>
      ) : null}
    </Table.Tr>
  )
}
