/** The mirror that feeds a repository: how it is and why, what arrives, what it takes, what its runs did, why a tag is (not) here. */
import { List, Stack, Text } from '@mantine/core'
import { useRef } from 'react'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useAllowed } from '../api/repositories.ts'
import type { Watched } from '../api/use-progress.ts'
import { useRepositorySearch } from '../repositories/use-repository-search.ts'
import { Empty, Rows } from '../shell/parts.tsx'
import { Said } from '../shell/said.tsx'
import { sayCode } from '../shell/say.ts'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { Explain } from './explain.tsx'
import { MirrorSettings } from './mirror-settings.tsx'
import { MirrorState } from './mirror-state.tsx'
import { ProgressCard } from './progress-card.tsx'
import { RunDetail } from './run-detail.tsx'
import { Runs } from './runs.tsx'

export function MirrorTab({
  name,
  repository,
  mirror,
  watched,
}: {
  readonly name: string
  /** Undefined: one may see the mirror, and not what it brings. */
  readonly repository: RepositoryDetail | undefined
  readonly mirror: Mirror | null | undefined
  readonly watched: Watched | undefined
}) {
  const { text } = useSpeech()
  const [{ run }, change] = useRepositorySearch()
  const allowed = useAllowed(name)
  if (mirror === undefined) return <Rows count={4} />
  if (mirror === null) return <Empty>{text.mirrors.none}</Empty>
  if (run !== undefined) {
    return <RunDetail repository={name} id={run} onBack={() => change({ run: undefined })} />
  }
  return (
    <Stack>
      {watched !== undefined && watched.moment.phase !== 'ended' ? <ProgressCard watched={watched} /> : null}
      <Outcome watched={watched} />
      <MirrorState repository={repository} mirror={mirror} allowed={allowed} />
      <Failures mirror={mirror} />
      <MirrorSettings mirror={mirror} mayChange={allowed.has('mirror.start')} />
      <Explain mirror={mirror} mayRelease={allowed.has('tag.delete')} />
      <Runs repository={name} />
    </Stack>
  )
}

/** How the run ended that was watched. */
function Outcome({ watched }: { readonly watched: Watched | undefined }) {
  const { text } = useSpeech()
  // How the last run ended is told by itself; this is for whoever has just seen it.
  const wasRunning = useRef(false)
  if (watched !== undefined && watched.moment.phase !== 'ended') wasRunning.current = true
  const outcome = watched?.moment.phase === 'ended' ? watched.moment.outcome : undefined
  if (outcome === undefined || outcome === 'running' || !wasRunning.current) return null
  return (
    <Text size="sm" c="dimmed" role="status">
      {text.progress.outcome[outcome]}
    </Text>
  )
}

const SHOWN_FAILURES = 10

function Failures({ mirror }: { readonly mirror: Mirror }) {
  const { text, said } = useSpeech()
  const failures = mirror.lastRun?.failures ?? []
  if (failures.length === 0) return null
  return (
    <Section title={text.mirrors.failures}>
      <List size="sm" style={{ overflowWrap: 'anywhere' }}>
        {failures.slice(0, SHOWN_FAILURES).map((one) => (
          <List.Item key={`${one.tag} ${one.digest} ${one.code}`}>
            {one.tag === null ? '' : `${one.tag}: `}
            <Said words={sayCode(one.code, said)} message={one.message} />
          </List.Item>
        ))}
      </List>
    </Section>
  )
}
