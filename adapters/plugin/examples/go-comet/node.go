package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Largest answer of a node that is read. Events travel in hex and JSON, so it is more than a message of the protocol.
const answerBytesMax = 48 << 20

// A CometBFT node, asked over JSON-RPC.
type node struct {
	url    string
	client *http.Client
}

func newNode(url string) *node {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	noRedirect := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &node{url: url, client: &http.Client{Transport: transport, CheckRedirect: noRedirect}}
}

// The node's own error: it answered, and not with a result.
type nodeError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
	Data    string `json:"data"`
}

func (e *nodeError) Error() string {
	return fmt.Sprintf("the node answers with error %d: %s %s", e.Code, e.Message, e.Data)
}

type params map[string]any

// Asks once. The error is a nodeError or has a gRPC status.
func (n *node) call(ctx context.Context, method string, what params, result any) error {
	question, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": 0, "method": method, "params": what})
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, bytes.NewReader(question))
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := n.client.Do(request)
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, answerBytesMax+1))
	if err != nil {
		return status.Error(codes.Unavailable, err.Error())
	}
	if len(body) > answerBytesMax {
		return status.Errorf(codes.DataLoss, "the answer to %s is over %d bytes", method, answerBytesMax)
	}
	var envelope struct {
		Result json.RawMessage `json:"result"`
		Error  *nodeError      `json:"error"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		if answer.StatusCode != http.StatusOK {
			return status.Errorf(codes.Unavailable, "the node answers with HTTP status %d", answer.StatusCode)
		}
		return status.Errorf(codes.DataLoss, "%s: %v", method, err)
	}
	if envelope.Error != nil {
		return envelope.Error
	}
	if err := json.Unmarshal(envelope.Result, result); err != nil {
		return status.Errorf(codes.DataLoss, "%s: %v", method, err)
	}
	return nil
}

// What a node's error about a height means. Its words differ between versions, so it is asked what it has.
func (n *node) explain(ctx context.Context, err error, height uint64) error {
	var own *nodeError
	if !errors.As(err, &own) {
		return err
	}
	state, failed := n.status(ctx)
	switch {
	case failed != nil:
		return unavailable(failed)
	case height > uint64(state.SyncInfo.Latest):
		return status.Errorf(codes.FailedPrecondition, "height %d does not exist yet", height)
	case height < uint64(state.SyncInfo.Earliest):
		return status.Errorf(codes.NotFound, "height %d is no longer kept", height)
	}
	return unavailable(err)
}

// Most of a node's own errors are "not now".
func unavailable(err error) error {
	var own *nodeError
	if errors.As(err, &own) {
		return status.Error(codes.Unavailable, own.Error())
	}
	return err
}

func (n *node) status(ctx context.Context) (statusResult, error) {
	var result statusResult
	err := n.call(ctx, "status", params{}, &result)
	return result, err
}

func (n *node) latest(ctx context.Context) (uint64, error) {
	state, err := n.status(ctx)
	return uint64(state.SyncInfo.Latest), unavailable(err)
}

// The application's answer to a query: `height` 0 is its latest.
func (n *node) query(ctx context.Context, path string, data []byte, height uint64, prove bool) (queryAnswer, error) {
	var result struct {
		Response queryAnswer `json:"response"`
	}
	what := params{"path": path, "data": fmt.Sprintf("%x", data), "height": fmt.Sprint(height), "prove": prove}
	err := n.call(ctx, "abci_query", what, &result)
	return result.Response, err
}

// The canonical bytes that the application answers with.
func (n *node) ask(ctx context.Context, path string, data []byte) ([]byte, error) {
	answer, err := n.query(ctx, path, data, 0, false)
	if err != nil {
		return nil, unavailable(err)
	}
	if answer.Code != 0 {
		return nil, status.Errorf(codes.Unavailable, "%s is refused: %s %s", path, answer.Codespace, answer.Log)
	}
	return answer.Value, nil
}

func pause(ctx context.Context, length time.Duration) error {
	select {
	case <-ctx.Done():
		return status.FromContextError(ctx.Err()).Err()
	case <-time.After(length):
		return nil
	}
}
