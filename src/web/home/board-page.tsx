/** The freshness of all mirrors, to be read from across a room: what wants a look by name and large, what is well as a field. */
import { ActionIcon, Anchor, Group, Stack, Text, Title } from '@mantine/core'
import { useDocumentTitle, useFullscreenDocument } from '@mantine/hooks'
import { ScreenFullIcon, ScreenNormalIcon } from '@primer/octicons-react'
import { Link, useParams } from '@tanstack/react-router'
import type { MirrorGlance } from '../../api/glance.ts'
import { useFreshness } from '../api/home.ts'
import { useLive } from '../api/live.ts'
import { timeOfDay } from '../format/times.ts'
import { Empty, Failure, Rows, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { TONES } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'
import { Cells, Legend } from './cells.tsx'
import { byUrgency, groupOf, signOf, wordOf } from './standing.ts'

/** As many as have room by their names; of more, the most urgent have, and the rest is a field of squares. */
const MAX_TILES = 40
const MAX_URGENT = 16

export function BoardPage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: '/o/$organization/board' })
  useLive(organization)
  useDocumentTitle(text.home.board.title(organization))
  const freshness = useFreshness(organization)
  const { fullscreen, toggle } = useFullscreenDocument()
  const mirrors = freshness.data?.toSorted(byUrgency)
  return (
    <Stack component="main" p="lg" gap="lg" mih="100vh">
      <Group justify="space-between">
        <div>
          <Title order={1} size="h2">
            {text.home.board.title(organization)}
          </Title>
          {fullscreen ? null : (
            <Anchor
              size="sm"
              renderRoot={(props) => <Link {...props} to="/o/$organization" params={{ organization }} />}
            >
              {text.home.board.back}
            </Anchor>
          )}
        </div>
        <Group>
          <Text c="dimmed">{text.home.board.updated(timeOfDay(freshness.dataUpdatedAt, language))}</Text>
          <ActionIcon
            variant="default"
            size="lg"
            onClick={() => void toggle()}
            aria-label={fullscreen ? text.home.board.leave : text.home.board.full}
          >
            {fullscreen ? <ScreenNormalIcon /> : <ScreenFullIcon />}
          </ActionIcon>
        </Group>
      </Group>
      {freshness.isError ? (
        <Failure error={freshness.error} retry={() => void freshness.refetch()} />
      ) : mirrors === undefined ? (
        <Rows />
      ) : mirrors.length === 0 ? (
        <Empty>{text.home.board.empty}</Empty>
      ) : (
        <Board mirrors={mirrors} />
      )}
    </Stack>
  )
}

/** @param o.mirrors the most urgent first */
function Board({ mirrors }: { readonly mirrors: readonly MirrorGlance[] }) {
  const { text } = useSpeech()
  const urgent = mirrors.filter((one) => ['wrong', 'resting'].includes(groupOf(one)))
  const tiles = mirrors.length <= MAX_TILES ? mirrors : urgent.slice(0, MAX_URGENT)
  const rest = mirrors.slice(tiles.length)
  return (
    <>
      <div className="board-legend">
        <Legend mirrors={mirrors} />
      </div>
      <ul className="tiles">
        {tiles.map((one) => {
          const [tone, Sign] = signOf(one)
          const params = repositoryPlace(one.repository)
          return (
            <li key={one.repository}>
              <Link
                to="/o/$organization/repository/$"
                params={params}
                search={{ tab: 'mirror' }}
                preload={false}
                className={`tile ${TONES[tone]}`}
              >
                <span className="tile-name">{params._splat}</span>
                <span className="tile-word">
                  <Sign size={20} aria-hidden="true" /> {wordOf(one, text)}
                </span>
                <span>{one.checkedAt === null ? text.home.board.never : <Time at={one.checkedAt} />}</span>
              </Link>
            </li>
          )
        })}
      </ul>
      {rest.length === 0 ? null : <Cells mirrors={rest} />}
    </>
  )
}
