package notify

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/suitekey/suitekey/internal/broker"
)

// Chats take one JSON document at a URL that is itself the permission to write.

// slackEscape is what Slack asks for (https://docs.slack.dev/messaging/formatting-message-text#escaping). It also keeps <!channel>
// and <https://…|text> in a customer's name from meaning anything.
var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func slackMessage(n notice) any {
	return map[string]any{"text": slackEscape.Replace(n.text()), "mrkdwn": false}
}

// teamsMessage is an Adaptive Card as workflows take it (https://learn.microsoft.com/en-us/power-automate/teams/teams-app-create).
// Its text stands in runs, which know no Markdown; a text block would make links of a customer's name.
func teamsMessage(n notice) any {
	body := []any{teamsText(n.title, "Bolder")}
	for _, line := range n.lines {
		body = append(body, teamsText(line, "Default"))
	}
	card := map[string]any{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4", "body": body,
	}
	return map[string]any{"type": "message", "attachments": []any{
		map[string]any{"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": card},
	}}
}

func teamsText(text, weight string) any {
	return map[string]any{"type": "RichTextBlock", "inlines": []any{map[string]any{"type": "TextRun", "text": text, "weight": weight}}}
}

func (s *Service) sendChat(ctx context.Context, e broker.Endpoint, message any) outcome {
	body, err := json.Marshal(message)
	if err != nil {
		return failed(err)
	}
	return s.post(ctx, e, body, http.Header{})
}
