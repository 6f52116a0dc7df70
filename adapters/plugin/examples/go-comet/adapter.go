package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"regexp"
	"strconv"
	"time"

	"comity.example/go-comet/adapterv1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	validatorsMax = 10_000
	page          = 100
	eventsMax     = 10_000
	rowsMax       = 1_000
	txBytesMax    = 1 << 20
	pollEvery     = 100 * time.Millisecond
)

type adapter struct {
	adapterv1.UnimplementedAdapterServer
	node *node
}

func invalid(what string) error { return status.Error(codes.InvalidArgument, what) }

func (a *adapter) Handshake(ctx context.Context, _ *adapterv1.HandshakeRequest) (*adapterv1.HandshakeResponse, error) {
	state, err := a.node.status(ctx)
	if err != nil {
		return nil, unavailable(err)
	}
	return &adapterv1.HandshakeResponse{
		VersionMin: 1,
		VersionMax: 1,
		ChainId:    state.NodeInfo.Network,
		Kind:       "comet",
		Capabilities: []adapterv1.Capability{
			adapterv1.Capability_CAPABILITY_HEADERS,
			adapterv1.Capability_CAPABILITY_STATE,
			adapterv1.Capability_CAPABILITY_EVENTS,
			adapterv1.Capability_CAPABILITY_DELIVER,
		},
		Name:    "go-comet",
		Release: "1.0.0",
	}, nil
}

func (a *adapter) Latest(ctx context.Context, _ *adapterv1.LatestRequest) (*adapterv1.LatestResponse, error) {
	height, err := a.node.latest(ctx)
	return &adapterv1.LatestResponse{Height: height}, err
}

func (a *adapter) LightBlock(ctx context.Context, in *adapterv1.LightBlockRequest) (*adapterv1.LightBlockResponse, error) {
	// Height 0 means "the latest" to a node.
	if in.Height == 0 {
		return nil, status.Error(codes.NotFound, "there is no block 0")
	}
	height := strconv.FormatUint(in.Height, 10)
	var signed commitResult
	if err := a.node.call(ctx, "commit", params{"height": height}, &signed); err != nil {
		return nil, a.node.explain(ctx, err, in.Height)
	}
	block := &adapterv1.CometBlock{Header: signed.SignedHeader.Header.wire(), Commit: signed.SignedHeader.Commit.wire()}
	for number := 1; ; number++ {
		var set validatorsResult
		what := params{"height": height, "page": strconv.Itoa(number), "per_page": strconv.Itoa(page)}
		if err := a.node.call(ctx, "validators", what, &set); err != nil {
			return nil, a.node.explain(ctx, err, in.Height)
		}
		for _, one := range set.Validators {
			validator := &adapterv1.CometValidator{PublicKey: one.PubKey.Value, Power: uint64(one.Power)}
			block.Validators = append(block.Validators, validator)
		}
		if uint64(len(block.Validators)) >= uint64(set.Total) {
			break
		}
		if len(set.Validators) == 0 || set.Total > validatorsMax {
			return nil, status.Error(codes.DataLoss, "the list of validators does not end")
		}
	}
	return &adapterv1.LightBlockResponse{Block: &adapterv1.LightBlockResponse_Comet{Comet: block}}, nil
}

func (a *adapter) Prove(ctx context.Context, in *adapterv1.ProveRequest) (*adapterv1.ProveResponse, error) {
	if len(in.Key) != 32 {
		return nil, invalid("a key has 32 bytes")
	}
	if in.Header <= 1 {
		return nil, status.Error(codes.NotFound, "nothing is proven by the first header")
	}
	// A node proves against app hashes whose header does not exist yet; the protocol does not.
	latest, err := a.node.latest(ctx)
	if err != nil {
		return nil, err
	}
	if in.Header > latest {
		return nil, status.Errorf(codes.FailedPrecondition, "header %d does not exist yet", in.Header)
	}
	answer, err := a.node.query(ctx, "/state", in.Key, in.Header-1, true)
	if err != nil {
		return nil, a.node.explain(ctx, err, in.Header-1)
	}
	switch ops := answer.ProofOps.Ops; {
	case answer.Code != 0 && in.Header+1 < latest:
		return nil, status.Errorf(codes.NotFound, "the state is no longer kept: %s", answer.Log)
	case answer.Code != 0:
		return nil, status.Errorf(codes.Unavailable, "/state is refused: %s %s", answer.Codespace, answer.Log)
	case uint64(answer.Height) != in.Header-1 || len(ops) != 1 || ops[0].Type != "ics23:jmt":
		return nil, status.Error(codes.DataLoss, "the answer is not the proof that was asked for")
	}
	told := &adapterv1.ProveResponse{Proof: answer.ProofOps.Ops[0].Data, Header: in.Header}
	if len(answer.Value) > 0 {
		told.Value = answer.Value
	}
	return told, nil
}

// The questions that a Comity ledger takes are canonical bytes: numbers are little-endian, a text is its length in 32 bits and its
// bytes, an absent value is the byte 0, a present one the byte 1 and the value.
type question []byte

func (q question) text(s string) question {
	return append(binary.LittleEndian.AppendUint32(q, uint32(len(s))), s...)
}
func (q question) u64(n uint64) question { return binary.LittleEndian.AppendUint64(q, n) }
func (q question) u32(n uint32) question { return binary.LittleEndian.AppendUint32(q, n) }

// An optional value in an answer.
func optional(answer []byte) ([]byte, error) {
	switch {
	case len(answer) == 1 && answer[0] == 0:
		return nil, nil
	case len(answer) > 1 && answer[0] == 1:
		return answer[1:], nil
	}
	return nil, status.Error(codes.DataLoss, "the answer is no optional value")
}

func (a *adapter) HeaderProof(ctx context.Context, in *adapterv1.HeaderProofRequest) (*adapterv1.HeaderProofResponse, error) {
	answer, err := a.node.ask(ctx, "/header-proof", question{}.u64(in.Height).u64(in.Size))
	if err != nil {
		return nil, err
	}
	if len(answer) < 4 || uint64(len(answer)-4) != 32*uint64(binary.LittleEndian.Uint32(answer)) {
		return nil, status.Error(codes.DataLoss, "the answer is no list of hashes")
	}
	told := &adapterv1.HeaderProofResponse{}
	for rest := answer[4:]; len(rest) > 0; rest = rest[32:] {
		told.Path = append(told.Path, rest[:32])
	}
	return told, nil
}

func (a *adapter) Follow(in *adapterv1.FollowRequest, stream grpc.ServerStreamingServer[adapterv1.Block]) error {
	ctx := stream.Context()
	for next := max(in.From, 1); ; {
		var results blockResults
		err := a.node.call(ctx, "block_results", params{"height": strconv.FormatUint(next, 10)}, &results)
		if err != nil {
			err = a.node.explain(ctx, err, next)
			if status.Code(err) != codes.FailedPrecondition {
				return err
			}
			if err := pause(ctx, pollEvery); err != nil {
				return err
			}
			continue
		}
		events := comityEvents(results.BlockEvents)
		for _, result := range results.TxsResults {
			events = append(events, comityEvents(result.Events)...)
		}
		if uint64(results.Height) != next || len(events) > eventsMax {
			return status.Error(codes.DataLoss, "the results are not those of the block that was asked for")
		}
		if err := stream.Send(&adapterv1.Block{Height: next, Events: events}); err != nil {
			return err
		}
		next++
	}
}

func (a *adapter) Outbox(ctx context.Context, in *adapterv1.OutboxRequest) (*adapterv1.OutboxResponse, error) {
	if in.Limit > rowsMax {
		return nil, invalid("at most 1,000 rows")
	}
	packets, err := a.node.ask(ctx, "/outbox", question{}.text(in.ClientId).u64(in.From).u32(in.Limit))
	return &adapterv1.OutboxResponse{Packets: packets}, err
}

func (a *adapter) Acknowledgement(ctx context.Context, in *adapterv1.AcknowledgementRequest) (*adapterv1.AcknowledgementResponse, error) {
	answer, err := a.node.ask(ctx, "/ack", question{}.text(in.ClientId).u64(in.Sequence))
	if err != nil {
		return nil, err
	}
	found, err := optional(answer)
	if err != nil || found == nil {
		return &adapterv1.AcknowledgementResponse{}, err
	}
	// The value is bytes, which carry their length.
	if len(found) < 4 || uint64(len(found)-4) != uint64(binary.LittleEndian.Uint32(found)) {
		return nil, status.Error(codes.DataLoss, "the answer is no acknowledgement")
	}
	return &adapterv1.AcknowledgementResponse{Acknowledgement: found[4:]}, nil
}

func (a *adapter) Pending(ctx context.Context, in *adapterv1.PendingRequest) (*adapterv1.PendingResponse, error) {
	asked := question{0}
	if in.After != nil {
		if len(in.After.OrderId) != 16 {
			return nil, invalid("an order's id has 16 bytes")
		}
		asked = append(question{1}.text(in.After.ClientId), in.After.OrderId...)
	}
	if in.Limit > rowsMax {
		return nil, invalid("at most 1,000 rows")
	}
	orders, err := a.node.ask(ctx, "/pending", asked.u32(in.Limit))
	return &adapterv1.PendingResponse{Orders: orders}, err
}

func (a *adapter) Contradiction(ctx context.Context, in *adapterv1.ContradictionRequest) (*adapterv1.ContradictionResponse, error) {
	answer, err := a.node.ask(ctx, "/contradiction", question{}.text(in.ClientId).u32(in.Back))
	if err != nil {
		return nil, err
	}
	found, err := optional(answer)
	return &adapterv1.ContradictionResponse{Contradiction: found}, err
}

func (a *adapter) Deliver(ctx context.Context, in *adapterv1.DeliverRequest) (*adapterv1.DeliverResponse, error) {
	if len(in.Transaction) > txBytesMax {
		return nil, invalid("a transaction has at most 1 MiB")
	}
	for repeated := in.Again; ; repeated = true {
		if repeated {
			if found := a.find(ctx, in.Transaction); found != nil {
				return found, nil
			}
		}
		var sent broadcastResult
		err := a.node.call(ctx, "broadcast_tx_commit", params{"tx": in.Transaction}, &sent)
		switch {
		case err == nil && sent.CheckTx.Code == 0:
			return outcome(uint64(sent.Height), sent.TxResult), nil
		case err == nil && !repeated:
			return refused(sent.CheckTx), nil
		}
		// The answer was lost, or it is the refusal of a repetition: what became of the transaction?
		if found := a.find(ctx, in.Transaction); found != nil {
			return found, nil
		}
		if err == nil {
			return refused(sent.CheckTx), nil
		}
		if status.Code(err) == codes.DataLoss {
			return nil, err
		}
		if stopped := pause(ctx, pollEvery); stopped != nil {
			return nil, unavailable(err)
		}
	}
}

// The transaction, if it is in a block.
func (a *adapter) find(ctx context.Context, transaction []byte) *adapterv1.DeliverResponse {
	name := sha256.Sum256(transaction)
	var found foundTx
	if err := a.node.call(ctx, "tx", params{"hash": name[:]}, &found); err != nil || string(found.Hash) != string(name[:]) {
		return nil
	}
	return outcome(uint64(found.Height), found.TxResult)
}

func outcome(height uint64, result txResult) *adapterv1.DeliverResponse {
	if result.Code != 0 {
		return refused(result)
	}
	committed := &adapterv1.Committed{Height: height, Events: comityEvents(result.Events)}
	return &adapterv1.DeliverResponse{Outcome: &adapterv1.DeliverResponse_Committed{Committed: committed}}
}

var reasonCode = regexp.MustCompile(`^[A-Z0-9_]{1,48}$`)

func refused(result txResult) *adapterv1.DeliverResponse {
	code := result.Codespace
	if !reasonCode.MatchString(code) {
		code = "REFUSED_BY_CHAIN"
	}
	words := []rune(result.Log)
	refusal := &adapterv1.Refused{Code: code, Detail: string(words[:min(len(words), 500)])}
	return &adapterv1.DeliverResponse{Outcome: &adapterv1.DeliverResponse_Refused{Refused: refusal}}
}
