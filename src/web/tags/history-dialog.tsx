/** Where a tag pointed over time, who moved it and why; and a way back. */
import { Anchor, Badge, Button, Group, Stack, Text, TextInput, Timeline } from '@mantine/core'
import { GitCommitIcon, TrashIcon } from '@primer/octicons-react'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import type { TagMove } from '../../api/history.ts'
import type { Tag } from '../../api/tags.ts'
import { useChange } from '../api/client.ts'
import { releaseTag, restoreTag, useHistory } from '../api/tags.ts'
import { withShortDigests } from '../format/sizes.ts'
import { ImageDigest } from '../images/image-link.tsx'
import { Dialog } from '../shell/dialog.tsx'
import { MayNot } from '../shell/may-not.tsx'
import { More } from '../shell/more.tsx'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Said } from '../shell/said.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { TagMarks } from './tag-marks.tsx'

export function HistoryDialog(o: {
  readonly repository: string
  readonly tag: string
  /** Undefined: the tag is not here now. */
  readonly current: Tag | undefined
  readonly mayRestore: boolean
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const history = useHistory(o.repository, o.tag)
  const moves = history.data?.pages.flatMap((page) => page.history)
  return (
    <Dialog title={text.history.title(o.tag)} size="lg" onClose={o.onClose}>
      <Stack>
        {o.current === undefined ? null : (
          <Standing repository={o.repository} tag={o.current} mayRelease={o.mayRestore} />
        )}
        {history.isError ? (
          <Failure error={history.error} retry={() => void history.refetch()} />
        ) : moves === undefined ? (
          <Rows count={4} />
        ) : moves.length === 0 ? (
          <Empty>{text.history.empty}</Empty>
        ) : (
          <Timeline bulletSize={22} lineWidth={2} active={0} aria-label={text.history.title(o.tag)}>
            {moves.map((move) => (
              <Move key={`${move.at} ${move.to}`} move={move} {...o} />
            ))}
          </Timeline>
        )}
        <More query={history} />
        {o.mayRestore ? null : <MayNot>{text.history.mayNot}</MayNot>}
      </Stack>
    </Dialog>
  )
}

function Move(o: {
  readonly move: TagMove
  readonly repository: string
  readonly tag: string
  readonly current: Tag | undefined
  readonly mayRestore: boolean
}) {
  const { text, said } = useSpeech()
  const { to, at, by, cause, reason, run } = o.move
  const [isOpen, setIsOpen] = useState(false)
  const isNow = to !== null && o.current?.digest === to
  return (
    <Timeline.Item
      bullet={to === null ? <TrashIcon size={12} aria-hidden="true" /> : <GitCommitIcon size={12} aria-hidden="true" />}
      title={
        <Group gap="xs">
          {to === null ? <Text>{text.history.removed}</Text> : <ImageDigest repository={o.repository} digest={to} />}
          {isNow ? (
            <Badge size="sm" variant="light" color="gray" tt="none">
              {text.history.current}
            </Badge>
          ) : null}
        </Group>
      }
    >
      <Text size="sm" c="dimmed">
        <Time at={at} /> · {by.replace(/^user:/, '').replace(/^mirror:.*/, text.history.byMirror)}
      </Text>
      {run === null ? (
        <Said
          words={said?.moves[cause]}
          message={cause === 'restored' || said === undefined ? withShortDigests(reason) : null}
        />
      ) : (
        <Anchor
          size="sm"
          renderRoot={(props) => (
            <Link
              {...props}
              to="/o/$organization/repository/$"
              params={repositoryPlace(o.repository)}
              search={{ tab: 'mirror', run }}
            />
          )}
        >
          {text.history.byRun}
        </Anchor>
      )}
      {to === null || isNow || !o.mayRestore ? null : isOpen ? (
        <Restore repository={o.repository} tag={o.tag} digest={to} onClose={() => setIsOpen(false)} />
      ) : (
        <Button size="compact-xs" variant="default" mt={4} onClick={() => setIsOpen(true)}>
          {text.history.restore}
        </Button>
      )}
    </Timeline.Item>
  )
}

function Restore(o: {
  readonly repository: string
  readonly tag: string
  readonly digest: string
  readonly onClose: () => void
}) {
  const { text } = useSpeech()
  const tell = useTell()
  const restore = useChange(
    (reason: string) => restoreTag(o.repository, o.tag, { digest: o.digest, ...(reason === '' ? {} : { reason }) }),
    () => {
      tell(text.history.restored(o.tag))
      o.onClose()
    },
  )
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    restore.mutate(String(new FormData(event.currentTarget).get('reason') ?? '').trim())
  }
  return (
    <form onSubmit={submit}>
      <Stack gap="xs" mt="xs">
        <Text size="sm">{text.history.restoreLead}</Text>
        <TextInput name="reason" label={text.history.reason} maxLength={500} autoFocus />
        {restore.isError ? <Failure error={restore.error} /> : null}
        <Group gap="xs">
          <Button type="submit" size="xs" loading={restore.isPending}>
            {text.history.restore}
          </Button>
          <Button size="xs" variant="default" onClick={o.onClose}>
            {text.common.cancel}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

/** What people have decided against the mirror, and how to take that back. */
function Standing(o: { readonly repository: string; readonly tag: Tag; readonly mayRelease: boolean }) {
  const { text } = useSpeech()
  const tell = useTell()
  const { pinned, diverged, excluded, name } = o.tag
  const release = useChange(
    () => releaseTag(o.repository, name, diverged),
    () => tell(text.history.released),
  )
  const mark = pinned ? 'pinned' : diverged ? 'diverged' : excluded ? 'excluded' : undefined
  if (mark === undefined) return null
  return (
    <Stack gap={6} align="flex-start">
      <Text size="sm">
        <TagMarks tag={o.tag} /> {text.tags.markHelp[mark]}
      </Text>
      {release.isError ? <Failure error={release.error} /> : null}
      {o.mayRelease ? (
        <Button size="xs" variant="default" loading={release.isPending} onClick={() => release.mutate(undefined)}>
          {text.history.release}
        </Button>
      ) : null}
    </Stack>
  )
}
