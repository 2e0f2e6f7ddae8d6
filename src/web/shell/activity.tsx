/** What runs in the organization now, in the header of every page. */
import { Button, Popover, Progress as ProgressBar, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { SyncIcon } from '@primer/octicons-react'
import type { Progress } from '../../api/progress.ts'
import { useActivity } from '../api/home.ts'
import { bytes, number } from '../format/sizes.ts'
import { useSpeech } from '../text/language.tsx'
import { currentOf } from './current-of.ts'
import { RepositoryLink } from './repository-link.tsx'

const SHOWN = 6
const WATCHED_MS = 2000

export function Activity({ organization }: { readonly organization: string }) {
  const { text, language } = useSpeech()
  const [isOpen, { toggle, close }] = useDisclosure()
  const activity = useActivity(organization, isOpen ? WATCHED_MS : undefined)
  const total = activity.data?.total ?? 0
  const runs = activity.data?.runs ?? []
  const label = total === 0 ? text.shell.nothingRuns : text.shell.runs(number(total, language))
  return (
    <Popover opened={isOpen} onClose={close} width={320} position="bottom-end" withArrow trapFocus>
      <Popover.Target>
        <Button
          variant="subtle"
          color={total === 0 ? 'gray' : 'blue'}
          size="compact-md"
          onClick={toggle}
          aria-label={`${text.shell.activity}: ${label}`}
          title={label}
        >
          <SyncIcon className={total === 0 ? '' : 'turning'} />
          {total === 0 ? null : (
            <Text span inherit ml={6}>
              {number(total, language)}
            </Text>
          )}
        </Button>
      </Popover.Target>
      <Popover.Dropdown aria-label={text.shell.activity}>
        <Stack gap="sm">
          {runs.length === 0 ? (
            <Text size="sm" c="dimmed">
              {text.shell.nothingRuns}
            </Text>
          ) : null}
          {runs.slice(0, SHOWN).map((run) => (
            <Run key={run.runId} run={run} onGo={close} />
          ))}
          {total > SHOWN ? (
            <Text size="sm" c="dimmed">
              {text.shell.moreRuns(number(total - SHOWN, language))}
            </Text>
          ) : null}
        </Stack>
      </Popover.Dropdown>
    </Popover>
  )
}

function Run({ run, onGo }: { readonly run: Progress; readonly onGo: () => void }) {
  const { text, language } = useSpeech()
  const { phase, bytes: moved, tags } = run
  const now = currentOf(run, text, language)
  const share = moved.total ? moved.done / moved.total : tags.total ? tags.done / tags.total : 0
  return (
    // Its link leads away: the page behind it is the one to be seen then.
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useKeyWithClickEvents: the link in it is what is pressed
    <div onClick={onGo}>
      <RepositoryLink name={run.mirror} tab="mirror" isShort />
      <Text size="xs" c="dimmed">
        {phase === 'waiting' ? text.progress.waiting(run.ahead) : text.progress.phases[phase]}
        {moved.done > 0 ? ` · ${bytes(moved.done, language)}` : ''}
        {moved.total === null || moved.total === 0 ? '' : ` / ${bytes(moved.total, language)}`}
      </Text>
      <ProgressBar value={share * 100} size="sm" aria-label={run.mirror} />
      {now === '' ? null : (
        <Text size="xs" c="dimmed" truncate title={now}>
          {now}
        </Text>
      )}
    </div>
  )
}
