/** Where a tag pointed over time, the newest first, as a line with a stop for each move. */
import { Group, Text, Timeline } from '@mantine/core'
import { Link } from '@tanstack/react-router'
import { useTagHistory } from '../api/images.ts'
import { ApiError } from '../api/request.ts'
import { shortDigest, withShortDigests } from '../format/sizes.ts'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { Original } from '../shell/said.tsx'
import { useSpeech } from '../text/language.tsx'
import { ImageLink } from './image-link.tsx'

export function HistorySection({ repository, tag }: { readonly repository: string; readonly tag: string }) {
  const { text, said } = useSpeech()
  const words = text.images
  const history = useTagHistory(repository, tag)
  if (history.error instanceof ApiError && history.error.status === 403) return <Empty>{words.historyForMembers}</Empty>
  if (history.isError) return <Failure error={history.error} retry={() => void history.refetch()} />
  if (history.data === undefined) return <Rows />
  if (history.data.items.length === 0) return <Empty>{words.noHistory}</Empty>
  return (
    <Timeline active={0} bulletSize={16} lineWidth={2}>
      {history.data.items.map((move) => (
        <Timeline.Item
          key={`${move.at} ${move.to}`}
          title={
            <Group gap="xs">
              {move.to === null ? (
                words.tagRemoved
              ) : (
                <>
                  {words.pointsTo}
                  <ImageLink repository={repository} reference={move.to}>
                    <code title={move.to}>{shortDigest(move.to)}</code>
                  </ImageLink>
                </>
              )}
            </Group>
          }
        >
          <Text size="sm" c="dimmed">
            <Time at={move.at} /> ·{' '}
            {move.run === null ? (
              move.by.replace(/^user:/, '')
            ) : (
              <Link
                to="/o/$organization/repository/$"
                params={repositoryPlace(repository)}
                search={{ tab: 'mirror', run: move.run }}
                className="name"
              >
                {words.byMirror}
              </Link>
            )}{' '}
            {said !== undefined && move.to === null && move.cause === 'deleted'
              ? null
              : `· ${said === undefined ? withShortDigests(move.reason) : said.moves[move.cause]}`}
          </Text>
          {said === undefined || move.cause !== 'restored' ? null : (
            <Original>{withShortDigests(move.reason)}</Original>
          )}
          {move.from === null || move.to === null ? null : (
            <Text size="sm">
              <ImageLink repository={repository} reference={move.to} search={{ section: 'compare', with: move.from }}>
                {words.whatChanged}
              </ImageLink>
            </Text>
          )}
        </Timeline.Item>
      ))}
    </Timeline>
  )
}
