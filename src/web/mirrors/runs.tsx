/** What the runs of a mirror came to, newest first; one of them opens by its address. */
import { Anchor, Table, useMatches } from '@mantine/core'
import { AlertIcon, CheckIcon, type Icon, SquareFillIcon, SyncIcon, XIcon } from '@primer/octicons-react'
import { Link } from '@tanstack/react-router'
import type { Run, RunOutcome } from '../../api/runs.ts'
import { useRuns } from '../api/mirrors.ts'
import { bytes, number } from '../format/sizes.ts'
import { duration } from '../format/times.ts'
import { More } from '../shell/more.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { Status, type Tone } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'

const OUTCOMES: Readonly<Record<RunOutcome, readonly [tone: Tone, icon: Icon]>> = {
  running: ['working', SyncIcon],
  done: ['good', CheckIcon],
  partial: ['held', AlertIcon],
  failed: ['broken', XIcon],
  stopped: ['quiet', SquareFillIcon],
}

export function Outcome({ outcome }: { readonly outcome: RunOutcome }) {
  const { text } = useSpeech()
  const [tone, icon] = OUTCOMES[outcome]
  return (
    <Status tone={tone} icon={icon}>
      {text.runs.outcomes[outcome]}
    </Status>
  )
}

export function Runs({ repository }: { readonly repository: string }) {
  const { text } = useSpeech()
  const runs = useRuns(repository)
  const all = runs.data?.pages.flatMap((page) => page.runs)
  const { columns } = text.runs
  const minWidth = useMatches({ base: 280, sm: 640 }, { getInitialValueInEffect: false })
  return (
    <Section title={text.runs.title} lead={text.runs.lead}>
      {runs.isError ? (
        <Failure error={runs.error} retry={() => void runs.refetch()} />
      ) : all === undefined ? (
        <Rows count={3} />
      ) : all.length === 0 ? (
        <Empty>{text.runs.empty}</Empty>
      ) : (
        <Table.ScrollContainer minWidth={minWidth}>
          <Table verticalSpacing={4} highlightOnHover aria-label={text.runs.title}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{columns.when}</Table.Th>
                <Table.Th>{columns.outcome}</Table.Th>
                <Table.Th visibleFrom="sm">{columns.trigger}</Table.Th>
                <Table.Th ta="right">{columns.moved}</Table.Th>
                <Table.Th visibleFrom="sm" ta="right">
                  {columns.failed}
                </Table.Th>
                <Table.Th visibleFrom="sm" ta="right">
                  {columns.read}
                </Table.Th>
                <Table.Th visibleFrom="sm" ta="right">
                  {columns.took}
                </Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {all.map((run) => (
                <RunRow key={run.id} repository={repository} run={run} />
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <More query={runs} />
    </Section>
  )
}

function RunRow({ repository, run }: { readonly repository: string; readonly run: Run }) {
  const { text, language } = useSpeech()
  const { counts, runningSeconds } = run
  return (
    <Table.Tr>
      <Table.Td>
        <Anchor
          size="sm"
          ta="left"
          renderRoot={(props) => (
            <Link
              {...props}
              to="/o/$organization/repository/$"
              params={repositoryPlace(repository)}
              search={{ tab: 'mirror', run: run.id }}
            />
          )}
        >
          <Time at={run.startedAt} />
        </Anchor>
      </Table.Td>
      <Table.Td>
        <Outcome outcome={run.outcome} />
      </Table.Td>
      <Table.Td visibleFrom="sm">{text.runs.triggers[run.trigger]}</Table.Td>
      <Table.Td ta="right">{number(counts.tagsMoved, language)}</Table.Td>
      <Table.Td visibleFrom="sm" ta="right">
        {counts.failed === 0 ? '–' : number(counts.failed, language)}
      </Table.Td>
      <Table.Td visibleFrom="sm" ta="right">
        {bytes(counts.readBytes, language)}
      </Table.Td>
      <Table.Td visibleFrom="sm" ta="right">
        {runningSeconds === null ? '–' : duration(runningSeconds, language)}
      </Table.Td>
    </Table.Tr>
  )
}
