/** Why a tag is, or is not, here: of one that is asked for, and of all that are not simply in step. */
import { Button, Group, Stack, Table, Text, TextInput } from '@mantine/core'
import { type FormEvent, useState } from 'react'
import type { TagExplanation, TagState } from '../../api/explain.ts'
import type { Mirror } from '../../api/mirrors.ts'
import { useChange } from '../api/client.ts'
import { useExplanation } from '../api/mirrors.ts'
import { releaseTag } from '../api/tags.ts'
import { withShortDigests } from '../format/sizes.ts'
import { useRepositorySearch } from '../repositories/use-repository-search.ts'
import { Digest, Failure, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { Status, type Tone } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'

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
  const { text } = useSpeech()
  const found = useExplanation(o.mirror.repository, tag)
  if (found.isError) return <Failure error={found.error} retry={() => void found.refetch()} />
  if (found.data === undefined) return <Rows count={2} />
  if (found.data.tags.length === 0) return <Text c="dimmed">{text.explain.allInStep}</Text>
  return (
    <>
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
            {found.data.tags.map((one) => (
              <Row key={one.name} explanation={one} {...o} />
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {found.data.next === null ? null : <Text size="sm">{text.explain.thereIsMore}</Text>}
    </>
  )
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
          <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
            {withShortDigests(reason)}
          </Text>
          <Text size="sm" c="dimmed">
            {next}
          </Text>
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
