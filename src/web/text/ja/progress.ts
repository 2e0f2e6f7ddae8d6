import type { Text } from '../en/index.ts'

export const progress: Text['progress'] = {
  title: '同期の進行状況',
  waiting: (ahead) => (ahead === null || ahead === 0 ? '順番待ち: 次に開始します' : `順番待ち: あと ${ahead} 件`),
  phases: { listing: 'アップストリームの一覧を取得中', copying: 'コピー中', publishing: 'タグを更新中', ended: '完了' },
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
