//! The audit trail over the API: who may read it, in which order, and that reading it stands in it.

use crate::support::{Institution, licence, name, reason};
use comity_gateway::Running;
use comity_model::member::MemberKind;
use comity_proto::v1;
use comity_proto::v1::accesses_client::AccessesClient;
use comity_proto::v1::records_client::RecordsClient;

const NUMBER: &str = "13301200810123456";

async fn list(
    (justice, gateway): (&Institution, &Running),
    role: &str,
    (page_size, page_token): (i32, &str),
) -> Result<v1::ListAccessesResponse, tonic::Status> {
    let request = v1::ListAccessesRequest { page_size, page_token: page_token.into() };
    let answer = AccessesClient::new(justice.person(gateway, role)).list_accesses(request).await;
    answer.map(tonic::Response::into_inner)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_access_is_listed_newest_first_with_case_and_basis_for_officers_and_auditors_alone() {
    let justice = Institution::start("justice", MemberKind::Justice, true).await;
    let gateway = justice.gateway("store", Vec::new()).await;
    gateway.records().publish(&crate::support::sector(), vec![licence(NUMBER, "ACTIVE")]).await.unwrap();
    for case in ["(2026) 1", "(2026) 2", "(2026) 3"] {
        let purpose = v1::Purpose { case_number: case.into(), legal_basis: "art. 1".into(), purpose: "trial".into() };
        let request =
            v1::GetRecordRequest { name: name(&justice, NUMBER), purpose: Some(purpose), ..Default::default() };
        RecordsClient::new(justice.person(&gateway, "officer")).get_record(request).await.unwrap();
    }
    let at = (&justice, &gateway);
    for role in ["reader", "clerk", "registrar", "operator"] {
        assert_eq!(reason(&list(at, role, (0, "")).await.unwrap_err()), "PERMISSION_DENIED", "{role}");
    }

    let first = list(at, "auditor", (2, "")).await.unwrap();
    let shown = |page: &v1::ListAccessesResponse| -> Vec<(String, String, String)> {
        let line = |access: &v1::Access| {
            let case = access.purpose.clone().unwrap_or_default().case_number;
            (access.role.clone(), access.action.clone(), case)
        };
        page.accesses.iter().map(line).collect()
    };
    let line = |role: &str, action: &str, case: &str| (role.to_owned(), action.to_owned(), case.to_owned());
    assert_eq!(shown(&first), [line("auditor", "ReadTrail", ""), line("officer", "DiscloseRecord", "(2026) 3")]);
    let access = &first.accesses[1];
    assert_eq!(
        (access.institution.as_str(), access.resource.as_str()),
        ("members/justice", name(&justice, NUMBER).as_str())
    );
    assert!(access.fields.contains(&"holder".to_owned()), "{access:?}");
    assert!(!format!("{first:?}").contains("王五"), "which fields, never what is in them");

    // The page after it begins where this one ended, whatever has come meanwhile.
    let second = list(at, "officer", (2, &first.next_page_token)).await.unwrap();
    assert_eq!(
        shown(&second),
        [line("officer", "DiscloseRecord", "(2026) 2"), line("officer", "DiscloseRecord", "(2026) 1")]
    );
    assert_eq!(second.next_page_token, "");
    let whole = list(at, "officer", (0, "")).await.unwrap();
    let trail: Vec<_> = whole
        .accesses
        .iter()
        .filter(|access| access.action == "ReadTrail")
        .map(|access| access.role.as_str())
        .collect();
    assert_eq!(trail, ["officer", "officer", "auditor"], "each page that was read, and nobody who was refused");
    assert_eq!(reason(&list(at, "officer", (0, "ff")).await.unwrap_err()), "INVALID_ARGUMENT");
    gateway.stop().await;
}
