/** One run: what it set out with, what it did, and what it could not do. */
import { Anchor, Button, Group, List, Stack, Table } from '@mantine/core'
import { ArrowLeftIcon } from '@primer/octicons-react'
import type { Run, RunItem } from '../../api/runs.ts'
import { useRun } from '../api/mirrors.ts'
import { bytes, number } from '../format/sizes.ts'
import { duration } from '../format/times.ts'
import { ImageDigest, ImageLink } from '../images/image-link.tsx'
import { useRepositorySearch } from '../repositories/use-repository-search.ts'
import { Facts } from '../shell/facts.tsx'
import { More } from '../shell/more.tsx'
import { Failure, Rows, Time } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { sayCode } from '../shell/say.ts'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { Outcome } from './runs.tsx'

export function RunDetail(o: { readonly repository: string; readonly id: string; readonly onBack: () => void }) {
  const { text } = useSpeech()
  const query = useRun(o.repository, o.id)
  const run = query.data?.pages[0]?.run
  const items = query.data?.pages.flatMap((page) => page.items) ?? []
  return (
    <Stack>
      <Group>
        <Button
          variant="subtle"
          size="compact-sm"
          leftSection={<ArrowLeftIcon size={14} aria-hidden="true" />}
          onClick={o.onBack}
        >
          {text.runs.back}
        </Button>
      </Group>
      {query.isError ? (
        <Failure error={query.error} retry={() => void query.refetch()} />
      ) : run === undefined ? (
        <Rows count={5} />
      ) : (
        <>
          <Summary run={run} />
          {run.failures.length === 0 ? null : <Failures run={run} />}
          <Section title={text.runs.items} lead={items.length === 0 ? text.runs.noItems : undefined}>
            {items.length === 0 ? null : <Items repository={o.repository} items={items} />}
            <More query={query} />
          </Section>
        </>
      )}
    </Stack>
  )
}

function Summary({ run }: { readonly run: Run }) {
  const { text, language } = useSpeech()
  const { counts, plan } = run
  const count = (value: number) => number(value, language)
  const long = (seconds: number | null) => (seconds === null ? '–' : duration(seconds, language))
  return (
    <Section
      title={
        <Group gap="sm">
          {text.runs.triggers[run.trigger]}
          <Outcome outcome={run.outcome} />
        </Group>
      }
      lead={
        <>
          <Time at={run.startedAt} /> {run.full ? `· ${text.runs.full}` : ''}{' '}
          {run.tags === null ? '' : `· ${text.runs.only(run.tags.join(', '))}`}
        </>
      }
    >
      <Facts
        facts={[
          [text.runs.columns.moved, count(counts.tagsMoved)],
          [text.runs.unchanged, count(counts.tagsUnchanged)],
          [text.progress.manifests, count(counts.manifests)],
          [text.runs.attestations, count(counts.referrers)],
          [text.runs.blobs, count(counts.blobs)],
          [text.runs.columns.read, bytes(counts.readBytes, language)],
          [text.runs.requests, count(counts.requests)],
          [text.runs.waited, long(run.waitedSeconds)],
          [text.runs.columns.took, long(run.runningSeconds)],
          ...(plan === null ? [] : [[text.runs.planned, count(plan.tagsMoved ?? 0)] as const]),
        ]}
      />
    </Section>
  )
}

function Failures({ run }: { readonly run: Run }) {
  const { text, said } = useSpeech()
  const [, change] = useRepositorySearch()
  return (
    <Section title={text.mirrors.failures}>
      <List size="sm" style={{ overflowWrap: 'anywhere' }}>
        {run.failures.map(({ tag, digest, code, message }) => (
          <List.Item key={`${tag} ${digest} ${code}`}>
            {tag === null ? null : (
              <>
                <Anchor component="button" size="sm" onClick={() => change({ run: undefined, explain: tag })}>
                  {tag}
                </Anchor>
                {': '}
              </>
            )}
            <Said words={sayCode(code, said)} message={message} />
          </List.Item>
        ))}
      </List>
    </Section>
  )
}

function Items({ repository, items }: { readonly repository: string; readonly items: readonly RunItem[] }) {
  const { text, said } = useSpeech()
  const { columns } = text.runs
  return (
    <Table.ScrollContainer minWidth={560}>
      <Table verticalSpacing={4} aria-label={text.runs.items}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>{columns.action}</Table.Th>
            <Table.Th>{columns.tag}</Table.Th>
            <Table.Th>{columns.from}</Table.Th>
            <Table.Th>{columns.to}</Table.Th>
            <Table.Th>{columns.note}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {items.map((item) => (
            <Table.Tr key={`${item.action} ${item.tag} ${item.digest} ${item.to}`}>
              <Table.Td>{text.runs.actions[item.action]}</Table.Td>
              <Table.Td>
                {item.tag === null ? '–' : <ImageLink repository={repository} reference={item.tag} />}
              </Table.Td>
              <Table.Td>
                {item.from === null ? '–' : <ImageDigest repository={repository} digest={item.from} />}
              </Table.Td>
              <Table.Td>
                {(item.to ?? item.digest) === null ? (
                  '–'
                ) : (
                  <ImageDigest repository={repository} digest={item.to ?? item.digest ?? ''} />
                )}
              </Table.Td>
              <Table.Td>
                {item.message === null ? null : (
                  <Said
                    words={item.code === null ? text.runs.actions[item.action] : sayCode(item.code, said)}
                    message={item.message}
                  />
                )}
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}
