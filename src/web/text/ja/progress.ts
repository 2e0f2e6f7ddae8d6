import type { Text } from '../en/index.ts'

export const progress: Text['progress'] = {
  title: '同期の進行状況',
  waiting: (ahead) => (ahead === null || ahead === 0 ? '順番待ち: 次に開始します' : `順番待ち: あと ${ahead} 件`),
  phases: { listing: 'アップストリームの一覧を取得中', copying: 'コピー中', publishing: 'タグを更新中', ended: '完了' },
  current: {
    'listing-tags': () => 'アップストリームのタグ一覧を取得中',
    'looking-up-tag': (of) => `${of} を確認中`,
    'reading-image': (of) => `${of} を読み取り中`,
    'listing-attestations': (of) => `${of} のアテステーションを検索中`,
    planning: () => 'コピーする内容を確認中',
    'copying-blob': (of, size) => `${of} の ${size} をコピー中`,
    'copying-manifest': (of) => `${of} のマニフェストをコピー中`,
    'copying-attestation': (of, size) => `${of} のアテステーションをコピー中 (${size})`,
    publishing: (of) => `${of} を公開中`,
    removing: () => 'アップストリームからなくなったものを削除中',
    recording: () => '結果を記録中',
  },
  tags: 'タグ',
  manifests: 'マニフェスト',
  bytes: 'コピー済み',
  rate: '速度',
  left: '残り時間',
  outcome: {
    done: 'すべてのタグがそろいました。',
    partial: '一部のタグをコピーできませんでした。下記のタグは自動的に再試行されます。',
    failed: '同期に失敗しました。これまでのイメージは引き続きプルできます。',
    stopped: '同期は停止されました。',
  },
}
